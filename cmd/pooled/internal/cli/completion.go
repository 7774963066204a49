package cli

import (
	"github.com/spf13/cobra"
)

// completionCommand writes the script that makes a shell complete the command line of this program. The shell then
// asks the program for each completion; nothing is read for that, neither a DSN nor a file.
func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "print a script for your shell that completes commands and flags",
		Long: "Writes a script for bash, zsh, fish or PowerShell to standard output. A shell that loads it completes " +
			"the commands and flags of pooled. bash also needs its package bash-completion.",
		Example: `source <(pooled completion bash)
source <(pooled completion zsh)     # after compinit
pooled completion fish | source
pooled completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return Mistake("want the name of a shell: bash, zsh, fish or powershell")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			root, w := c.Root(), c.OutOrStdout()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(w, true)
			case "zsh":
				return root.GenZshCompletion(w)
			case "fish":
				return root.GenFishCompletion(w, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(w)
			}
			return Mistake("unknown shell: want bash, zsh, fish or powershell")
		},
	}
}
