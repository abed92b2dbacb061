package config

import "strings"

// Key describes one key of the file. The table of all keys, which [Keys] returns,
// is their only description: the decoder works by it, and config.schema.json,
// config.yaml and the table in README.md are generated from it.
type Key struct {
	// Name is the key's name within its mapping.
	Name string

	// Value is what the key takes. It is the zero Value for a mapping with Keys.
	Value Value

	// Default is the YAML text that means the same as leaving the key out. It is
	// empty when no value does.
	Default string

	// implied is set when the field in Config stays zero by default: Default
	// then says what the zero value stands for.
	implied bool

	// Example is a YAML text to show where Default is empty.
	Example string

	// Change says how a changed value takes effect.
	Change Change

	// Meaning tells users what the key does, in full sentences. Names and values
	// are in backticks.
	Meaning string

	// Required is set when an entry of a list must have the key.
	Required bool

	// Needs names the keys of the same mapping that must be set too.
	Needs []string

	// PerApp is set when an app under apps may have the key too.
	PerApp bool

	// Keys are those of a mapping, nil for any other key.
	Keys []Key

	// Short is the name of a Boolean of the mapping that may stand for the mapping that
	// sets nothing else: "tls: internal" is {internal: true}.
	Short string
}

// Keys returns the description of all keys, in the order of the documentation.
func Keys() []Key { return keysOf(&Config{}) }

// Change says how a changed value takes effect while dynlb runs.
type Change string

// The ways in which a reload applies a value.
const (
	// AtOnce applies to what happens from then on.
	AtOnce Change = "at once"
	// RollingRestart replaces the instances: a running one cannot be given the
	// value.
	RollingRestart Change = "rolling restart"
	// NewListener opens the new listener before the old one is closed.
	NewListener Change = "new listener"
	// NewControl serves a new control plane on the same listeners.
	NewControl Change = "new control plane"
	// NewProcess needs dynlb to be restarted: a reload that changes the value is
	// rejected.
	NewProcess Change = "restart of dynlb"
)

// Kind is the form of a value.
type Kind string

// The kinds of values. Integer, Number, Duration and Size have bounds.
const (
	Integer     Kind = "integer"
	Number      Kind = "number"
	Boolean     Kind = "boolean"
	Duration    Kind = "duration"
	Size        Kind = "size"
	Path        Kind = "path"
	Address     Kind = "address"       // host:port
	Target      Kind = "target"        // the path of a request
	Command     Kind = "command"       // a program and its arguments
	Environment Kind = "environment"   // variables and their values
	Networks    Kind = "networks"      // a list of addresses and networks
	Account     Kind = "account"       // a user, or a user and a group
	List        Kind = "list"          // a list of mappings
	Cron        Kind = "cron"          // a cron expression
	Timezone    Kind = "time zone"     // the name of a time zone
	FieldName   Kind = "header field"  // the name of one
	FieldNames  Kind = "header fields" // a list of names
	Fields      Kind = "header values" // header fields and their values
	Page        Kind = "page"          // true, false, or the path of a page
	Pages       Kind = "pages"         // statuses and the paths of pages
	PerTime     Kind = "rate"          // requests per second, minute or hour
	Word        Kind = "word"          // one of Value.Words
	Hosts       Kind = "hosts"         // a list of names of hosts
	Prefixes    Kind = "prefixes"      // a list of prefixes of paths
	Apps        Kind = "apps"          // a mapping of names to apps
	Email       Kind = "email"         // an address of electronic mail
	URL         Kind = "URL"           // a URL of the scheme https
	Version     Kind = "version"       // the name of a version of an app
	Name        Kind = "name"          // of an object
	Session     Kind = "session"       // what requests of one session have in common
)

// Value is what a key takes.
type Value struct {
	// Kind is the form of the value.
	Kind Kind

	// Min and Max are its bounds: of an Integer or a Number itself, in
	// milliseconds of a Duration, in bytes of a Size. Max 0 means that there is
	// none.
	Min, Max int64

	// Above is set when Min itself is refused.
	Above bool

	// Auto is set when auto is accepted too: dynlb finds the number.
	Auto bool

	// Zero is set when 0 is accepted although it is below Min.
	Zero bool

	// Words are those that a Word may be, or that stand for themselves where another
	// value is expected.
	Words []string

	// Plain is set when a URL may be one of the scheme http.
	Plain bool

	// None is set when an empty text is accepted too: there is none.
	None bool

	// Item are the keys of each mapping of a List, and of Apps besides those with PerApp.
	Item []Key

	decode decoder
}

// find returns the key of a table that has the name.
func find(table []Key, name string) (Key, bool) {
	for _, k := range table {
		if k.Name == name {
			return k, true
		}
	}
	return Key{}, false
}

// names lists the keys of a table for a message.
func names(table []Key) string {
	all := make([]string, len(table))
	for i, k := range table {
		all[i] = k.Name
	}
	return strings.Join(all, ", ")
}
