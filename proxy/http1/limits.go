package http1

// Limits bound a message. All sizes are in bytes and count the line ends. Zero
// stands for the default.
type Limits struct {
	// Line is the length of a request line or status line. Default 8 KiB, the
	// minimum that RFC 9112, 3, recommends. A longer request line gets a 414.
	Line int
	// Field is the length of one field line of a request. Default 16 KiB, more than
	// nginx and Apache accept. A longer one gets a 431. Two kinds of lines are bound by
	// Head only: Cookie, which single sign-on makes long, and those of a response.
	Field int
	// Head is the length of a whole head. Default 64 KiB. A longer one gets a
	// 431.
	Head int
	// Fields is the number of field lines in a head. Default 100. More get a
	// 431.
	Fields int
	// Options is the number of connection options in a head, empty ones counted.
	// Default 32. More get a 400.
	Options int
	// ChunkLine is the length of a chunk's size and extensions. Default 256. A
	// longer one gets a 400.
	ChunkLine int
	// Trailer is the length of a trailer section. Default 4 KiB, as in net/http. A
	// longer one gets a 431.
	Trailer int
	// Underscores makes fields of requests pass although they have an underscore in the
	// name. It does not if the name with a hyphen is one that this package or a proxy
	// treats specially.
	Underscores bool
}

// WithDefaults returns l with the defaults where it is zero.
func (l Limits) WithDefaults() Limits {
	for _, d := range []struct {
		value    *int
		standard int
	}{
		{&l.Line, 8 << 10},
		{&l.Field, 16 << 10},
		{&l.Head, 64 << 10},
		{&l.Fields, 100},
		{&l.Options, 32},
		{&l.ChunkLine, 256},
		{&l.Trailer, 4 << 10},
	} {
		if *d.value <= 0 {
			*d.value = d.standard
		}
	}
	return l
}
