// What this package uses of TensorFlow's C API, found at run time. What returns a text returns NULL, or what is wrong,
// which is to be freed.
#include <stddef.h>
#include <stdint.h>
#include <tensorflow/c/c_api.h>

typedef struct session session;

// tensorflow_open finds the library's functions, and its version.
char *tensorflow_open(const char *library, const char **version);
// tensorflow_import starts a session on the bytes of a graph. `threads` is 0 for all.
char *tensorflow_import(const void *graph, size_t size, int threads, session **made);
// tensorflow_operation finds one of the graph's; NULL if there is none.
TF_Operation *tensorflow_operation(session *s, const char *name);
// tensorflow_tensor makes room for numbers of 4 bytes.
TF_Tensor *tensorflow_tensor(TF_DataType type, const int64_t *shape, int rank);
TF_Tensor *tensorflow_text(const char *text);
void *tensorflow_data(TF_Tensor *tensor);
// tensorflow_size is how many numbers a tensor of float32 has; -1 for other tensors.
int64_t tensorflow_size(TF_Tensor *tensor);
// tensorflow_width is the last number of its shape.
int64_t tensorflow_width(TF_Tensor *tensor);
void tensorflow_delete(TF_Tensor *tensor);
// tensorflow_run computes tensors, or lets an operation run.
char *tensorflow_run(
	session *s, const TF_Output *inputs, TF_Tensor *const *given, int inputs_count, const TF_Output *outputs,
	TF_Tensor **found, int outputs_count, const TF_Operation *target);
// tensorflow_close frees all that a session holds.
void tensorflow_close(session *s);
