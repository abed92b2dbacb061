package http1

import "testing"

// TestUnderscoresPass: with Underscores, fields with an underscore pass, but for those
// that a CGI-like interface takes for a special one.
func TestUnderscoresPass(t *testing.T) {
	t.Parallel()
	for name, passes := range map[string]bool{
		"X_Api_Key": true, "a_b": true, "x_forwarded_for_a_very_long_name": false, "X_Forwarded_For": false, "x-forwarded_proto": false,
		"X_Real_IP": false, "Content_Length": false, "content_anything": false, "Transfer_Encoding": false,
		"Proxy_Authorization": false, "_": true, "X_a_very_long_name_of_a_field_that_is_none": true, "Keep_Alive": false,
	} {
		for _, on := range []bool{false, true} {
			r := NewRequest(Limits{Underscores: on})
			if _, err := r.Parse([]byte("GET / HTTP/1.1\r\nHost: a\r\n" + name + ": 1\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			if got, want := !r.Fields[1].Drop, on && passes; got != want || r.Underscored == want {
				t.Errorf("%s with Underscores %t: passes %t, noted %t", name, on, got, r.Underscored)
			}
		}
	}
}
