package policy

// RejectedError says that the rules in front of an app do not let a request pass.
type RejectedError struct {
	// Answer is what the client gets.
	Answer Fault
}

// Error returns why.
func (e *RejectedError) Error() string { return e.Answer.Message + ": " + e.Answer.Reason }
