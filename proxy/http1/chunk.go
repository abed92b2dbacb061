package http1

import "strconv"

// chunkState is where in the chunked coding the next byte stands (RFC 9112,
// 7.1):
//
//	chunked-body = *( size [ ; extensions ] CRLF  data CRLF )
//	               0 [ ; extensions ] CRLF  *( name ":" value CRLF )  CRLF
type chunkState uint8

const (
	beforeSize chunkState = iota // the first digit is due
	inSize                       // a digit, or the end of the size
	inExtension
	afterLine   // LF
	inData      // payload
	afterData   // CR
	afterDataCR // LF
	beforeField // a trailer field, or the end
	inName
	inValue
	afterField // LF
	atEnd      // LF
)

const (
	// maxDigits bounds the digits of a chunk size, as in net/http.
	maxDigits = 16
	// maxChunk keeps computations with sizes within int64. No chunk has an
	// exbibyte.
	maxChunk = 1 << 60
	// maxExcess bounds the lines of chunks relative to their payload: each chunk
	// has freeExcess bytes free and each byte of payload freePerByte, and all
	// lines together may exceed that by this much. It is net/http's rule against
	// senders of many tiny chunks with long extensions (CVE-2023-39326).
	maxExcess   = 16 << 10
	freeExcess  = 16
	freePerByte = 2
)

// chunks is the state of a Body in the chunked coding.
type chunks struct {
	state      chunkState
	line       int // bytes so far in the chunk line, or the trailer section
	digits     int // in the size
	excess     int64
	maxLine    int
	maxTrailer int
}

func newChunks(limits *Limits) chunks {
	return chunks{maxLine: limits.ChunkLine, maxTrailer: limits.Trailer}
}

// step reads one byte that is not payload.
func (b *Body) step(c byte) *Error {
	k := &b.chunks
	switch k.state {
	case beforeSize, inSize, inExtension, afterLine:
		k.line++
		if k.line > k.maxLine {
			return errChunkLine
		}
		return b.stepLine(c)
	case afterData:
		k.state = afterDataCR
		return want(c, '\r', errChunkEnd)
	case afterDataCR:
		k.state, k.line, k.digits = beforeSize, 0, 0
		return want(c, '\n', errChunkEnd)
	default:
		k.line++
		if k.line > k.maxTrailer {
			return errTrailerLong
		}
		return b.stepTrailer(c)
	}
}

// stepLine reads one byte of a chunk's size and extensions. Extensions are
// ignored (RFC 9112, 7.1.1), so their grammar does not matter apart from line
// ends. Whitespace around a size is refused, even where RFC 9112 asks recipients
// to accept it: programs differ in what they make of it.
func (b *Body) stepLine(c byte) *Error {
	k := &b.chunks
	switch {
	case k.state == afterLine:
		if c != '\n' {
			return errBareCR
		}
		return b.beginChunk()
	case c == '\n':
		return errBareLF
	case k.state == inExtension && c == '\r', k.state == inSize && c == '\r':
		k.state = afterLine
	case k.state == inExtension:
		if class[c]&controlByte != 0 {
			return errExtension
		}
	case k.state == inSize && c == ';':
		k.state = inExtension
	case class[c]&hexByte == 0:
		return errChunkSize
	default:
		return b.addDigit(c)
	}
	return nil
}

// addDigit reads a digit of a chunk's size.
func (b *Body) addDigit(c byte) *Error {
	k := &b.chunks
	k.digits++
	if k.digits > maxDigits || b.left >= maxChunk>>4 {
		return errHugeChunk
	}
	digit := c - '0'
	if digit > 9 {
		digit = c | 0x20 - 'a' + 10
	}
	b.left = b.left<<4 | int64(digit)
	k.state = inSize
	return nil
}

// beginChunk is called after the line of a chunk.
func (b *Body) beginChunk() *Error {
	k := &b.chunks
	k.excess = max(0, k.excess+int64(k.line)-freeExcess-freePerByte*b.left)
	if k.excess > maxExcess {
		return errExcess
	}
	k.state = inData
	if b.left == 0 {
		k.state, k.line = beforeField, 0
	}
	return nil
}

// stepTrailer reads one byte of the trailer section, and checks it: the next
// message begins where it ends.
func (b *Body) stepTrailer(c byte) *Error {
	k := &b.chunks
	switch k.state {
	case beforeField, inName:
		return k.stepName(c)
	case inValue:
		switch {
		case c == '\r':
			k.state = afterField
		case c == '\n':
			return errBareLF
		case class[c]&controlByte != 0:
			return errTrailerValue
		}
		return nil
	case afterField:
		k.state = beforeField
		return want(c, '\n', errBareCR)
	default: // atEnd
		b.ended = c == '\n'
		return want(c, '\n', errBareCR)
	}
}

// stepName reads one byte of a trailer field's name, or the first one of the
// empty line that ends the section.
func (k *chunks) stepName(c byte) *Error {
	switch {
	case class[c]&tokenByte != 0:
		k.state = inName
	case k.state == inName && c == ':':
		k.state = inValue
	case k.state == beforeField && c == '\r':
		k.state = atEnd
	case k.state == beforeField && (c == ' ' || c == '\t'):
		return errTrailerFold
	case c == '\n':
		return errBareLF
	default:
		return errTrailerName
	}
	return nil
}

// want returns err unless c is must.
func want(c, must byte, err *Error) *Error {
	if c != must {
		return err
	}
	return nil
}

// A sender of chunks writes ChunkEnd after each chunk, and LastChunk after all of
// them if there is no trailer section.
const (
	ChunkEnd  = "\r\n"
	LastChunk = "0\r\n\r\n"
)

// AppendChunkSize appends the line before a chunk of n bytes. n must be more than
// 0: a chunk without payload would end the content.
func AppendChunkSize(dst []byte, n int) []byte {
	dst = strconv.AppendInt(dst, int64(n), 16)
	return append(dst, ChunkEnd...)
}
