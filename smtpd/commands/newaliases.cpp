// newaliases(1): builds the tables of the configuration's alias files.
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
#include "store/accounts/table_check.h"
#include "store/maps/build.h"

namespace pennypost::smtp {
namespace {

/// Writes to `out` what was built, or to `err`, in the name of `who`, why it was not.
bool build_aliases(const Config& config, const std::string& name, const std::string& who,
                   std::ostream& out, std::ostream& err) {
  auto table = TableRef::parse(name);
  // Tables of other types are not built.
  if (table && table->type != "hash") return true;
  store::BuildOptions build;
  build.syntax = store::SourceSyntax::Aliases;
  build.utf8_only = config.smtputf8_enable;
  build.keep_old = config.map_old_generation_lifetime;
  build.warn = [&](const std::string& text) { err << who << ": warning: " << text << "\n"; };
  if (table) build.reader = store::reader_of(config, table->name);
  auto built = table ? store::build_map(table->name, build) : Result<std::size_t>(table.error());
  if (built) {
    out << table->name << ".rdb\n";
  } else {
    err << who << ": fatal: " << built.error().text() << "\n";
  }
  return built.has_value();
}

}  // namespace

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
    if (!build_aliases(**config, name, "newaliases", out, err)) status = 1;
  }
  return status;
}

bool build_stale_aliases(const Config& config, std::ostream& out, std::ostream& err) {
  bool all_stand = true;
  for (const auto& name : config.alias_database) {
    auto table = TableRef::parse(name);
    if (!table || table->type != "hash" || !store::is_table_stale(table->name)) continue;
    all_stand = build_aliases(config, name, "start", out, err) && all_stand;
  }
  return all_stand;
}

}  // namespace pennypost::smtp
