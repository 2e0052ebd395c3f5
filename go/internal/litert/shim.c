//go:build litert

#include "shim.h"

#include "../wheel/load.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 16, ALIGNMENT = 64, CPU = 1, FLOAT32 = 1, INT32 = 2, STRING = 8, INTEGER = 2, SILENT = 4 };
enum { PLUGINS = 0, DISPATCH = 1, RUNTIME = 22, SEVERITY = 25 };

typedef void *handle;

typedef struct { // LiteRtRankedTensorType
	int element;
	unsigned rank : 7, has_strides : 1;
	int dimensions[8];
	unsigned strides[8];
} tensor_type;

typedef struct {
	int tag;
	struct {
		int type;
		union { int64_t integer; const char *text; } value;
	} any;
} option;

_Static_assert(sizeof(tensor_type) == 72, "LiteRtRankedTensorType");
_Static_assert(sizeof(option) == 24, "LiteRtEnvOption");

static struct {
	int (*CreateEnvironment)(int, const option *, handle *);
	int (*CreateModelFromFile)(handle, const char *, handle *);
	int (*CreateOptions)(handle *);
	int (*SetOptionsHardwareAccelerators)(handle, int);
	int (*CreateOpaqueOptions)(const char *, void *, void (*)(void *), handle *);
	int (*AddOpaqueOptions)(handle, handle);
	int (*CreateCompiledModel)(handle, handle, handle, handle *);
	int (*GetNumModelSignatures)(handle, size_t *);
	int (*GetModelSignature)(handle, size_t, handle *);
	int (*GetNumSignatureInputs)(handle, size_t *);
	int (*GetNumSignatureOutputs)(handle, size_t *);
	int (*GetSignatureInputName)(handle, size_t, const char **);
	int (*GetSignatureOutputName)(handle, size_t, const char **);
	int (*GetSignatureInputTensorByIndex)(handle, size_t, handle *);
	int (*GetSignatureOutputTensorByIndex)(handle, size_t, handle *);
	int (*GetRankedTensorType)(handle, tensor_type *);
	int (*CompiledModelResizeInputTensor)(handle, size_t, size_t, const int *, size_t);
	int (*CreateTensorBufferFromHostMemory)(const tensor_type *, void *, size_t, void (*)(void *), handle *);
	void (*DestroyTensorBuffer)(handle);
	void (*DestroyCompiledModel)(handle);
	void (*DestroyOptions)(handle);
	void (*DestroyModel)(handle);
	int (*RunCompiledModel)(handle, size_t, size_t, handle *, size_t, handle *);
} api;

static const function_place functions[] = {
#define FIND(name) {"LiteRt" #name, (void **)&api.name}
	FIND(CreateEnvironment), FIND(CreateModelFromFile), FIND(CreateOptions), FIND(SetOptionsHardwareAccelerators),
	FIND(CreateOpaqueOptions), FIND(AddOpaqueOptions), FIND(CreateCompiledModel), FIND(GetNumModelSignatures),
	FIND(GetModelSignature), FIND(GetNumSignatureInputs), FIND(GetNumSignatureOutputs), FIND(GetSignatureInputName),
	FIND(GetSignatureOutputName), FIND(GetSignatureInputTensorByIndex), FIND(GetSignatureOutputTensorByIndex),
	FIND(GetRankedTensorType), FIND(CompiledModelResizeInputTensor), FIND(CreateTensorBufferFromHostMemory),
	FIND(DestroyTensorBuffer), FIND(DestroyCompiledModel), FIND(DestroyOptions), FIND(DestroyModel),
	FIND(RunCompiledModel),
};

typedef struct {
	handle tensor, buffer;
	void *memory;
} place;

typedef struct {
	size_t count;
	place places[MOST];
	handle buffers[MOST];
} side;

struct function {
	handle model, compiled, signature;
	side sides[2]; // inputs, outputs
};

static handle environment;

const char *litert_open(const char *library) {
	const char *wrong = load(library, functions, sizeof functions / sizeof *functions);
	if (wrong) return wrong;
	option options[4] = {{PLUGINS}, {DISPATCH}, {RUNTIME}, {SEVERITY, {INTEGER, {SILENT}}}};
	for (int i = 0; i < 3; i++) { // else it searches for accelerators
		options[i].any.type = STRING;
		options[i].any.value.text = "/nonexistent";
	}
	int before = quiet(), status = api.CreateEnvironment(4, options, &environment);
	loud(before);
	return status ? "it cannot be started" : NULL;
}

static int set(handle options, int threads) {
	handle cpu;
	char *settings = malloc(40); // freed by LiteRT, as `cpu` is with the options
	if (!settings) return 1;
	snprintf(settings, 40, "num_threads = %d\n", threads);
	return api.SetOptionsHardwareAccelerators(options, CPU) || api.CreateOpaqueOptions("xnnpack", settings, free, &cpu) ||
	       api.AddOpaqueOptions(options, cpu);
}

static int compile(function *f, const char *path, int threads) {
	handle options;
	if (api.CreateModelFromFile(environment, path, &f->model) || api.CreateOptions(&options)) return 1;
	int failed = set(options, threads) || api.CreateCompiledModel(environment, f->model, options, &f->compiled);
	api.DestroyOptions(options);
	return failed;
}

static int look(function *f) {
	size_t signatures;
	side *in = &f->sides[0], *out = &f->sides[1];
	if (api.GetNumModelSignatures(f->model, &signatures) || signatures != 1 ||
	    api.GetModelSignature(f->model, 0, &f->signature) || api.GetNumSignatureInputs(f->signature, &in->count) ||
	    api.GetNumSignatureOutputs(f->signature, &out->count) || in->count > MOST || out->count > MOST)
		return 1;
	for (size_t i = 0; i < in->count; i++)
		if (api.GetSignatureInputTensorByIndex(f->signature, i, &in->places[i].tensor)) return 1;
	for (size_t i = 0; i < out->count; i++)
		if (api.GetSignatureOutputTensorByIndex(f->signature, i, &out->places[i].tensor)) return 1;
	return 0;
}

const char *litert_load(const char *path, int threads, function **made) {
	function *f = *made = calloc(1, sizeof *f);
	if (!f) return "there is no memory for it";
	int before = quiet(), failed = compile(f, path, threads) || look(f);
	loud(before);
	if (!failed) return NULL;
	litert_close(f);
	return "LiteRT cannot read it";
}

const char *litert_name(function *f, int output, size_t number) {
	const char *name = NULL;
	if (number >= f->sides[output].count) return NULL;
	int failed = output ? api.GetSignatureOutputName(f->signature, number, &name)
	                    : api.GetSignatureInputName(f->signature, number, &name);
	return failed ? NULL : name;
}

// describe gives a tensor's type. Nothing may be written behind a tensor_type.
static const char *describe(function *f, int output, size_t number, tensor_type *type) {
	struct { tensor_type type; unsigned char after[64]; } room;
	memset(&room, 0xA5, sizeof room);
	if (api.GetRankedTensorType(f->sides[output].places[number].tensor, &room.type)) return "a tensor has no shape";
	for (size_t i = 0; i < sizeof room.after; i++)
		if (room.after[i] != 0xA5) return "this library's structures are others";
	*type = room.type;
	if (type->rank < 1 || type->rank > 8 || (type->element != FLOAT32 && type->element != INT32))
		return "this library's structures are others";
	return NULL;
}

const char *litert_width(function *f, int output, size_t number, int *width) {
	tensor_type type;
	const char *wrong = describe(f, output, number, &type);
	*width = 1;
	for (unsigned i = 1; !wrong && i < type.rank; i++) *width *= type.dimensions[i];
	return wrong ? wrong : *width > 0 ? NULL : "a tensor has no fixed width";
}

static void empty(place *p) {
	if (p->buffer) api.DestroyTensorBuffer(p->buffer);
	p->buffer = NULL;
	free(p->memory);
	p->memory = NULL;
}

// renew gives a tensor a buffer for so many rows.
static const char *renew(function *f, int output, size_t number, int rows) {
	place *p = &f->sides[output].places[number];
	tensor_type type;
	const char *wrong = describe(f, output, number, &type);
	if (wrong) return wrong;
	type.dimensions[0] = rows;
	size_t size = 4;
	for (unsigned i = 0; i < type.rank; i++) size *= type.dimensions[i];
	if (!output && api.CompiledModelResizeInputTensor(f->compiled, 0, number, type.dimensions, type.rank))
		return "LiteRT cannot take so many rows";
	empty(p);
	if (posix_memalign(&p->memory, ALIGNMENT, (size + 2 * ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT)) return "there is no memory for it";
	if (api.CreateTensorBufferFromHostMemory(&type, p->memory, size, NULL, &p->buffer)) return "LiteRT cannot take a buffer";
	f->sides[output].buffers[number] = p->buffer;
	return NULL;
}

const char *litert_resize(function *f, int rows) {
	for (int output = 0; output < 2; output++)
		for (size_t i = 0; i < f->sides[output].count; i++) {
			const char *wrong = renew(f, output, i, rows);
			if (wrong) return wrong;
		}
	return NULL;
}

void *litert_memory(function *f, int output, size_t number) { return f->sides[output].places[number].memory; }

const char *litert_run(function *f) {
	side *in = &f->sides[0], *out = &f->sides[1];
	int failed = api.RunCompiledModel(f->compiled, 0, in->count, in->buffers, out->count, out->buffers);
	return failed ? "LiteRT cannot compute it" : NULL;
}

void litert_close(function *f) {
	for (int output = 0; output < 2; output++)
		for (size_t i = 0; i < MOST; i++) empty(&f->sides[output].places[i]);
	if (f->compiled) api.DestroyCompiledModel(f->compiled);
	if (f->model) api.DestroyModel(f->model);
	free(f);
}
