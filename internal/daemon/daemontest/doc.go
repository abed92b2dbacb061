// Package daemontest is what the tests of the daemon, of the command line and of
// the whole program share: it runs a daemon in the process of a test, and has the
// apps, ports, credentials and clients for it.
//
// A test binary that uses it calls [Main] from TestMain.
package daemontest
