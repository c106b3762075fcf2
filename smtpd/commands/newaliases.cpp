// The configuration's alias files in, their tables out.
//
// SYNOPSIS
//   newaliases [-c DIR]
//
// DESCRIPTION
//   Builds the tables of all files in newaliases_maps (by default those of alias_database). A file
//   with a mistake keeps its old table; the others are built all the same.
//
// DIAGNOSTICS
//   `newaliases: fatal: FILE:LINE: what is wrong`, exit status 1.
#include "smtpd/commands/newaliases.h"

#include <ostream>

#include "common/config/config.h"
#include "smtpd/commands/usage.h"
#include "store/maps/build.h"

namespace pennypost::smtp {

int newaliases(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  LoadOptions options;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "-c" && i + 1 < args.size()) {
      options.directory = args[++i];
    } else if (args[i] != "-v" && args[i] != "-bi") {
      err << usage::newaliases << "\n";
      return 1;
    }
  }
  auto config = Config::load(options);
  if (!config) {
    err << "newaliases: fatal: " << config.error().text() << "\n";
    return 1;
  }
  int status = 0;
  for (const auto& name : (*config)->newaliases_maps) {
    auto table = TableRef::parse(name);
    // Tables of other types are read as they are.
    if (table && table->type != "hash") continue;
    store::BuildOptions build;
    build.syntax = store::SourceSyntax::Aliases;
    build.keep_old = (*config)->map_old_generation_lifetime;
    build.warn = [&](const std::string& text) { err << "newaliases: warning: " << text << "\n"; };
    auto built = table ? store::build_map(table->name, build) : Result<void>(table.error());
    if (built) {
      out << table->name << ".rdb\n";
      continue;
    }
    err << "newaliases: fatal: " << built.error().text() << "\n";
    status = 1;
  }
  return status;
}

}  // namespace pennypost::smtp
