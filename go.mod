module github.com/bgloop/bgloop

go 1.26.0
