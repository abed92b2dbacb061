package std

// methodText returns a method as a string, without an allocation for the usual ones.
func methodText(method []byte) string {
	for _, text := range [...]string{"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		if string(method) == text {
			return text
		}
	}
	return string(method)
}
