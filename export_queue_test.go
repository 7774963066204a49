package pooled

// ConnectWidth is how many server connections may be being opened at one moment.
func ConnectWidth(p *Pool) int { return p.core.Stats().ConnectLimit }
