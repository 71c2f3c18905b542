// Package greeting holds what the app answers.
package greeting

// For is the answer to a request for path.
func For(path string) string {
	return "Hello from " + path + "\n"
}
