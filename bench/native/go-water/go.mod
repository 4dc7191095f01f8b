module bench/go-water

go 1.24.0

require github.com/songgao/water v0.0.0-20200317203138-2b4b6d7c09d8

require golang.org/x/sys v0.32.0 // indirect
