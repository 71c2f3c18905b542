package greeting

import "testing"

func TestForNamesThePath(t *testing.T) {
	if text := For("/there"); text != "Hello from /there\n" {
		t.Errorf("For(%q) = %q", "/there", text)
	}
}
