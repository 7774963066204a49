package cli

import (
	"github.com/spf13/cobra"
)

// completionCommand writes the script that makes a shell complete the command line of this program. The shell then
// asks the program for each completion; nothing is read for that, neither a DSN nor a file.
func completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "write the script that makes a shell complete commands and flags",
		Long: "Writes a script for bash, zsh or fish to standard output. The shell that reads it completes the " +
			"commands and flags of pooled. bash needs its package bash-completion for that.",
		Example: `source <(pooled completion bash)
source <(pooled completion zsh)     # behind compinit
pooled completion fish | source`,
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return Mistake("want the name of a shell: bash, zsh or fish")
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
			}
			return Mistake("unknown shell%s: want bash, zsh or fish", ShownArg(args[0]))
		},
	}
}
