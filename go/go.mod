module lmgen.dev/go

go 1.19
