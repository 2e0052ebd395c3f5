module lmgen.dev/go/examples/image-recognition

go 1.19

require lmgen.dev/go v0.0.0

replace lmgen.dev/go => ../../go
