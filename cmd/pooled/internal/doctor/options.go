package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/pooled-go/pooled/cmd/pooled/internal/advice"
)

func checkOptions(_ context.Context, x *exam) error {
	if x.cfg.HookNames != nil {
		x.report.add("hooks", levelOK, fmt.Sprintf("pool_hooks=%s belong to your program and did not run here; if "+
			"one of them supplies the password, connecting can't work",
			strings.Join(x.cfg.HookNames, ",")), "")
	}
	for _, a := range advice.OnOptions {
		switch {
		case x.server == sqliteServer && !a.Embedded:
		case a.Wrong(x.cfg):
			x.report.add(a.ID, levelWarning, a.Text, a.Change)
		default:
			x.report.add(a.ID, levelOK, a.Fine, "")
		}
	}
	return nil
}
