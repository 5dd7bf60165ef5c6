//go:build race

package dataverse_test

func init() { tablesDiscovered = 100 } // the race detector makes it ten times slower
