#include "common/process/daemon.h"

#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "common/log/log.h"
#include "common/process/title.h"

namespace pennypost {
namespace {

constexpr int exit_usage = 64;  // EX_USAGE

int usage(const DaemonSpec& spec, std::FILE* to, int status) {
  std::fprintf(to,
               "Usage: %s [-c DIR] [-o name=value]...\n"
               "  -c DIR         the configuration directory, which holds main.toml\n"
               "  -o name=value  a setting that overrides the file's\n"
               "  -V             print the version\n"
               "Runs in the foreground until SIGTERM; SIGHUP reloads.\n",
               spec.name.c_str());
  return status;
}

}  // namespace

int run_daemon(DaemonSpec spec, int argc, char** argv) {
  LoadOptions options;
  if (argc == 2 && std::string_view(argv[1]) == "--help") return usage(spec, stdout, 0);
  for (int option = 0; (option = getopt(argc, argv, "c:o:hV")) != -1;) {
    switch (option) {
      case 'c':
        options.directory = optarg;
        break;
      case 'o':
        options.overrides.emplace_back(optarg);
        break;
      case 'h':
        return usage(spec, stdout, 0);
      case 'V':
        std::printf("%s: Pennypost %s\n", spec.name.c_str(), PENNYPOST_VERSION);
        return 0;
      default:
        return usage(spec, stderr, exit_usage);
    }
  }
  if (optind < argc) return usage(spec, stderr, exit_usage);
  remember_arguments(argc, argv);
  Loop loop;
  Master master(loop, std::move(spec), std::move(options));
  return master.run();
}

}  // namespace pennypost
