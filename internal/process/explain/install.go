package explain

// installHints says how to install a program that is not on PATH.
var installHints = map[string]string{
	"bun":     "npm install -g --allow-scripts=bun bun",
	"bunx":    "npm install -g --allow-scripts=bun bun",
	"deno":    "install Deno (https://deno.com)",
	"go":      "install Go (https://go.dev/dl)",
	"java":    "install a Java runtime",
	"node":    "install Node.js (https://nodejs.org)",
	"npm":     "install Node.js (https://nodejs.org)",
	"npx":     "install Node.js (https://nodejs.org)",
	"php":     "install PHP",
	"python":  "install Python (https://python.org), or write python3",
	"python3": "install Python (https://python.org)",
	"ruby":    "install Ruby",
	"uv":      "install uv (https://docs.astral.sh/uv)",
}

// installHint returns the hint for a program; "install it" for one that is not in
// the table.
func installHint(program string) string {
	if hint, ok := installHints[program]; ok {
		return hint
	}
	return "install it"
}
