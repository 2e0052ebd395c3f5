//go:build tensorflow

#include "shim.h"

#include "../wheel/load.h"

#include <stdlib.h>
#include <string.h>

static struct {
#define HAVE(name) __typeof__(TF_##name) *name
	HAVE(Version);
	HAVE(NewStatus); HAVE(DeleteStatus); HAVE(GetCode); HAVE(Message);
	HAVE(NewGraph); HAVE(NewBufferFromString); HAVE(DeleteBuffer); HAVE(GraphImportGraphDef); HAVE(DeleteGraph);
	HAVE(NewImportGraphDefOptions); HAVE(DeleteImportGraphDefOptions);
	HAVE(NewSessionOptions); HAVE(SetConfig); HAVE(DeleteSessionOptions); HAVE(NewSession); HAVE(DeleteSession);
	HAVE(GraphOperationByName); HAVE(SessionRun);
	HAVE(AllocateTensor); HAVE(DeleteTensor); HAVE(TensorData); HAVE(TensorType); HAVE(NumDims); HAVE(Dim);
	HAVE(StringInit); HAVE(StringCopy);
} api;

static const function_place functions[] = {
#define FIND(name) {"TF_" #name, (void **)&api.name}
	FIND(Version), FIND(NewStatus), FIND(DeleteStatus), FIND(GetCode), FIND(Message), FIND(NewGraph), FIND(NewBufferFromString),
	FIND(DeleteBuffer), FIND(GraphImportGraphDef), FIND(DeleteGraph), FIND(NewImportGraphDefOptions),
	FIND(DeleteImportGraphDefOptions), FIND(NewSessionOptions), FIND(SetConfig), FIND(DeleteSessionOptions), FIND(NewSession),
	FIND(DeleteSession), FIND(GraphOperationByName), FIND(SessionRun),
	FIND(AllocateTensor), FIND(DeleteTensor), FIND(TensorData), FIND(TensorType), FIND(NumDims), FIND(Dim),
	FIND(StringInit), FIND(StringCopy),
};

struct session {
	TF_Graph *graph;
	TF_Session *session;
};

char *tensorflow_open(const char *library, const char **version) {
	setenv("TF_CPP_MIN_LOG_LEVEL", "3", 0);
	int before = quiet();
	const char *wrong = load(library, functions, sizeof functions / sizeof *functions);
	loud(before);
	if (wrong) return strdup(wrong);
	*version = api.Version();
	return NULL;
}

// ended frees a status, and returns what was wrong.
static char *ended(TF_Status *status) {
	char *wrong = api.GetCode(status) == TF_OK ? NULL : strdup(api.Message(status));
	api.DeleteStatus(status);
	return wrong;
}

// connect sets the threads of a ConfigProto, and lets operations run elsewhere than on the GPUs that the release names.
static void connect(session *s, int threads, TF_Status *status) {
	enum { INTRA = 2 << 3, INTER = 5 << 3, SOFT = 7 << 3, MOST = 127 };
	unsigned char count = threads < MOST ? threads : MOST, config[] = {SOFT, 1, INTRA, count, INTER, count};
	TF_SessionOptions *options = api.NewSessionOptions();
	api.SetConfig(options, config, threads ? sizeof config : 2, status);
	if (api.GetCode(status) == TF_OK) s->session = api.NewSession(s->graph, options, status);
	api.DeleteSessionOptions(options);
}

// import reads a graph.
static void import(session *s, const void *graph, size_t size, TF_Status *status) {
	TF_Buffer *buffer = api.NewBufferFromString(graph, size);
	TF_ImportGraphDefOptions *options = api.NewImportGraphDefOptions();
	s->graph = api.NewGraph();
	api.GraphImportGraphDef(s->graph, buffer, options, status);
	api.DeleteImportGraphDefOptions(options);
	api.DeleteBuffer(buffer);
}

void tensorflow_close(session *s) {
	TF_Status *status = api.NewStatus();
	if (s->session) api.DeleteSession(s->session, status); // closes it too
	api.DeleteStatus(status);
	if (s->graph) api.DeleteGraph(s->graph);
	free(s);
}

char *tensorflow_import(const void *graph, size_t size, int threads, session **made) {
	session *s = *made = calloc(1, sizeof *s);
	if (!s) return strdup("there is no memory for it");
	TF_Status *status = api.NewStatus();
	int before = quiet(); // it reports on the processor
	import(s, graph, size, status);
	if (api.GetCode(status) == TF_OK) connect(s, threads, status);
	loud(before);
	char *wrong = ended(status);
	if (wrong) tensorflow_close(s);
	return wrong;
}

TF_Operation *tensorflow_operation(session *s, const char *name) { return api.GraphOperationByName(s->graph, name); }

TF_Tensor *tensorflow_tensor(TF_DataType type, const int64_t *shape, int rank) {
	size_t size = 4;
	for (int i = 0; i < rank; i++) size *= shape[i];
	return api.AllocateTensor(type, shape, rank, size);
}

TF_Tensor *tensorflow_text(const char *text) {
	TF_Tensor *made = api.AllocateTensor(TF_STRING, NULL, 0, sizeof(TF_TString));
	TF_TString *inside = api.TensorData(made);
	api.StringInit(inside);
	api.StringCopy(inside, text, strlen(text));
	return made;
}

void *tensorflow_data(TF_Tensor *tensor) { return api.TensorData(tensor); }

int64_t tensorflow_size(TF_Tensor *tensor) {
	if (api.TensorType(tensor) != TF_FLOAT) return -1;
	int64_t size = 1;
	for (int i = 0; i < api.NumDims(tensor); i++) size *= api.Dim(tensor, i);
	return size;
}

int64_t tensorflow_width(TF_Tensor *tensor) {
	int rank = api.NumDims(tensor);
	return rank ? api.Dim(tensor, rank - 1) : 1;
}

void tensorflow_delete(TF_Tensor *tensor) { api.DeleteTensor(tensor); }

char *tensorflow_run(
	session *s, const TF_Output *inputs, TF_Tensor *const *given, int inputs_count, const TF_Output *outputs,
	TF_Tensor **found, int outputs_count, const TF_Operation *target) {
	TF_Status *status = api.NewStatus();
	api.SessionRun(
		s->session, NULL, inputs, given, inputs_count, outputs, found, outputs_count, &target, target != NULL, NULL, status);
	return ended(status);
}
