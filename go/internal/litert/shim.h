// What this package uses of LiteRT's C interface, found at run time: its library comes without headers.
#include <stddef.h>

typedef struct function function;

// litert_open finds the library's functions, and starts it. NULL, or what is wrong.
const char *litert_open(const char *library);
// litert_load compiles a file's only signature for the CPU.
const char *litert_load(const char *path, int threads, function **made);
// litert_name gives an input's or output's name; NULL from the last on.
const char *litert_name(function *f, int output, size_t number);
// litert_width finds how many numbers a row of an input or output has. Fails where the library has other structures.
const char *litert_width(function *f, int output, size_t number, int *width);
// litert_resize makes room for so many rows.
const char *litert_resize(function *f, int rows);
// litert_memory is where an input is written, or an output read.
void *litert_memory(function *f, int output, size_t number);
const char *litert_run(function *f);
// litert_close frees all that a function holds.
void litert_close(function *f);
