#include "common/process/daemon.h"

#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "common/config/check.h"
#include "common/log/log.h"
#include "common/process/title.h"

namespace pennypost {
namespace {

constexpr int exit_usage = 64;      // EX_USAGE
constexpr int exit_not_wanted = 1;  // a service manager takes it for "not here"

int usage(const DaemonSpec& spec, std::FILE* to, int status) {
  std::fprintf(
      to,
      "Usage: %s [-c DIR] [-o name=value]... [-t]\n"
      "  -c DIR         the configuration directory, which holds main.toml\n"
      "  -o name=value  a setting that overrides the file's\n"
      "  -t             tell whether the host's role has this daemon: 0, or 1 and why not\n"
      "  -V             print the version\n"
      "Runs in the foreground until SIGTERM; SIGHUP reloads.\n",
      spec.name.c_str());
  return status;
}

/// For a service manager, which is to leave alone what the role does not have. A configuration that
/// is wrong is for the start to tell.
int tell_whether_wanted(const DaemonSpec& spec, const LoadOptions& options) {
  auto config = Config::load(options);
  auto why = config ? why_not_here(**config, spec.services) : std::nullopt;
  if (!why) return 0;
  std::fprintf(stderr, "%s: %s\n", spec.name.c_str(), why->c_str());
  return exit_not_wanted;
}

}  // namespace

int run_daemon(DaemonSpec spec, int argc, char** argv) {
  LoadOptions options;
  bool is_asked_whether_wanted = false;
  if (argc == 2 && std::string_view(argv[1]) == "--help") return usage(spec, stdout, 0);
  for (int option = 0; (option = getopt(argc, argv, "c:o:htV")) != -1;) {
    switch (option) {
      case 'c':
        options.directory = optarg;
        break;
      case 'o':
        options.overrides.emplace_back(optarg);
        break;
      case 'h':
        return usage(spec, stdout, 0);
      case 't':
        is_asked_whether_wanted = true;
        break;
      case 'V':
        std::printf("%s: Pennypost %s\n", spec.name.c_str(), PENNYPOST_VERSION);
        return 0;
      default:
        return usage(spec, stderr, exit_usage);
    }
  }
  if (optind < argc) return usage(spec, stderr, exit_usage);
  if (is_asked_whether_wanted) return tell_whether_wanted(spec, options);
  remember_arguments(argc, argv);
  Loop loop;
  Master master(loop, std::move(spec), std::move(options));
  return master.run();
}

}  // namespace pennypost
