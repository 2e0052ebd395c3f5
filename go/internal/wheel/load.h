// Loading a C library of a Python package.
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

// A function of a library, and where its address goes.
typedef struct { const char *name; void **at; } function_place;

// load finds a library's functions. NULL, or what is wrong.
static const char *load(const char *library, const function_place *functions, size_t count) {
	void *opened = dlopen(library, RTLD_LAZY | RTLD_LOCAL);
	if (!opened) return dlerror();
	for (size_t i = 0; i < count; i++)
		if (!(*functions[i].at = dlsym(opened, functions[i].name))) {
			static char missing[80];
			snprintf(missing, sizeof missing, "it lacks %s", functions[i].name);
			return missing;
		}
	return NULL;
}

// quiet sends stderr nowhere, and returns where it went before.
static int quiet(void) {
	int before = dup(2), nowhere = open("/dev/null", O_WRONLY);
	if (before >= 0 && nowhere >= 0) dup2(nowhere, 2);
	if (nowhere >= 0) close(nowhere);
	return before;
}

static void loud(int before) {
	if (before < 0) return;
	dup2(before, 2);
	close(before);
}
