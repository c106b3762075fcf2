// postmap(1): builds, changes, queries or lists look-up tables.
//
// SYNOPSIS
//   postmap [-c DIR] [-fFoprnNuvw] [TYPE:]FILE...        builds FILE.rdb from FILE
//   postmap [-c DIR] -i [-fFoprnNuvw] [TYPE:]FILE...     adds what standard input holds
//   postmap [-c DIR] [-fFuU] -q KEY|- [TYPE:]FILE...     queries; - reads keys from standard input
//   postmap [-c DIR] [-hbmfU] -q - [TYPE:]FILE...        the keys are those of a message
//   postmap [-c DIR] [-f] -d KEY|- [TYPE:]FILE...        removes keys from the table
//   postmap [-c DIR] [-F] -s [TYPE:]FILE...              lists `key TAB value`
//   postalias ...          the same for `name: value`; without -F -h -b -m -U
//
// DESCRIPTION
//   -i  adds entries from standard input to each table, which need not have a source
//   -r  of several entries with the same key the last counts   -w  does not warn about them
//   -f  keys keep their case (daemons look up keys in lower case)
//   -F  a value lists files, whose content is stored in base64; -q and -s show the content
//   -h  the keys are the fields of the message on standard input, -b the lines of its body; with -m
//       fields of MIME parts and attached messages count as fields, as for the daemons
//   -o  root keeps its rights in a directory of another user; else it takes on that user's
//   -p  everybody may read the table   -u  does not ask for UTF-8   -U  asks for it with -h and -b
//   -v  says how many entries a table has
//   -n -N  do nothing: they are about Berkeley DB's files
//   -c  where main.toml is, for map_old_generation_lifetime and mail_owner
//   -q  gives the answer that a daemon would get: tables are tried one after another, and tables of
//       patterns are matched against whole addresses only
//   A new table is in use within two seconds; no daemon needs to be told.
//   Users who may read the source may read the table. If root builds one that mail_owner could not
//   read, in a directory that only root can change, the table gets the group of mail_owner
//   (credentials_map: of auth_user): after `chmod 600 sasl_passwd`, `postmap sasl_passwd` suffices.
//
// DIAGNOSTICS
//   `postmap: fatal: FILE:LINE: what is wrong`: the old table stays. With -q and -d the exit status
//   is 0 if a key was found, 1 if not or if a table could not be read.
//
// SEE ALSO   store/maps/source.h (the source's notation), store/maps/map.h (the types)
#include "smtpd/commands/postmap.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <vector>

#include "common/base/text.h"
#include "common/config/config.h"
#include "common/config/table_types.h"
#include "common/mail/idn.h"
#include "common/mail/unicode.h"
#include "smtpd/commands/postmap_call.h"
#include "smtpd/commands/postmap_input.h"
#include "smtpd/commands/usage.h"
#include "store/accounts/table_check.h"
#include "store/maps/build.h"
#include "store/maps/map.h"

namespace pennypost::smtp {
namespace {

using namespace pennypost::store;  // NOLINT: the tables

using Task = TableCall::Task;

constexpr TableTool postmap_tool{"postmap", "bfFhimnNoprsuUvw", usage::postmap, SourceSyntax::Table,
                                 "\t"};
constexpr TableTool postalias_tool{"postalias", "finNoprsuvw", usage::postalias,
                                   SourceSyntax::Aliases, ":\t"};

/// A key as a source would have it, so that what -s lists can be built again.
std::string as_in_source(std::string_view key) {
  bool is_quoted_local_part = key.starts_with('"') && key.find("\"@") != key.npos;
  bool is_plain = key.find_first_of(" \t\":") == key.npos && !key.starts_with('#');
  if (is_quoted_local_part || is_plain) return std::string(key);
  std::string quoted = "\"";
  for (char c : key) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

class Postmap {
 public:
  Postmap(const TableTool& tool, std::ostream& out, std::ostream& err)
      : tool_(tool), out_(out), err_(err) {}

  int run(std::span<const std::string> args) {
    auto found = work(args);
    if (found) return *found ? 0 : 1;
    err_ << tool_.name << ": fatal: " << found.error().text() << "\n";
    return 1;
  }

 private:
  void warn(const std::string& text) { err_ << tool_.name << ": warning: " << text << "\n"; }

  Result<bool> work(std::span<const std::string> args) {
    TRY(call_, parse_table_call(tool_, args));
    LoadOptions load;
    if (call_.directory) load.directory = *call_.directory;
    // A missing or wrong configuration is ignored, unless it was asked for.
    auto config = Config::load(load);
    if (config) config_ = *std::move(config);
    if (!config && call_.directory && !std::filesystem::is_directory(*call_.directory)) {
      return config.error();
    }
    if (config_) call_.build.keep_old = config_->map_old_generation_lifetime;
    call_.build.utf8_only = call_.checks_utf8() && (!config_ || config_->smtputf8_enable);
    call_.build.warn = [this](const std::string& text) { warn(text); };
    if (call_.keys_of.mime && !call_.keys_of.header && !call_.keys_of.body) {
      warn("-m is ignored without -h or -b");
    }
    if (call_.task == Task::Ask) return ask_all();
    if (call_.task == Task::Add) {
      TRY(input_, standard_input(source_file_bytes_max));
    }
    return each_table();
  }

  // A table may be named without a type, and by a relative path.
  static Result<TableRef> reference(const std::string& text) {
    auto colon = text.find(':');
    std::string type = colon == text.npos || text.starts_with('/') ? "hash" : text.substr(0, colon);
    std::string name = colon == text.npos || text.starts_with('/') ? text : text.substr(colon + 1);
    if (auto instead = type_read_instead_of(type); !instead.empty()) type = instead;
    const TableType* known = find_table_type(type);
    bool is_file = known != nullptr && known->follows == TableType::Path;
    if (is_file && !name.empty() && !name.starts_with('/')) {
      std::error_code problem;
      name = std::filesystem::absolute(name, problem).lexically_normal().string();
      if (problem) return Error::temporary(name + ": " + problem.message());
    }
    return TableRef::parse(type + ":" + name);
  }

  Result<std::unique_ptr<Map>> open(const std::string& name) {
    TRY(auto table, reference(name));
    MapOptions options;
    options.folds_keys = call_.build.fold_keys;
    options.on_problem = call_.build.warn;
    return Map::open(table, options);
  }

  Result<bool> each_table() {
    bool any_found = false;
    for (const auto& name : call_.tables) {
      TRY(bool found, work_on(name));
      any_found = any_found || found;
    }
    return any_found;
  }

  Result<bool> work_on(const std::string& name) {
    if (call_.task == Task::List) return list(name);
    TRY(auto table, reference(name));
    if (table.type != "hash") {
      return Error::permanent(table.text() +
                              ": tables of this type are not built, but read directly");
    }
    if (config_) call_.build.reader = reader_of(*config_, table.name);
    if (call_.task == Task::Remove) return remove(table.name);
    std::size_t entries = 0;
    if (call_.task == Task::Add) {
      TRY(entries, add(table.name));
    } else {
      TRY(entries, build_map(table.name, call_.build));
    }
    if (call_.is_verbose) {
      err_ << tool_.name << ": " << table.text() << ": " << entries
           << (entries == 1 ? " entry\n" : " entries\n");
    }
    return true;
  }

  Result<bool> list(const std::string& name) {
    TRY(auto map, open(name));
    Result<void> shown;
    TRY_DO(map->each([&](std::string_view key, std::string_view value) {
      auto text = shown_value(*map, key, value);
      if (!text) {
        shown = text.error();
        return;
      }
      out_ << as_in_source(key) << tool_.between << *text << "\n";
    }));
    TRY_DO(shown);
    return true;
  }

  Result<std::string> shown_value(const Map& map, std::string_view key, std::string_view value) {
    if (!call_.build.values_are_files) return std::string(value);
    if (auto content = base64_decode(value)) return *std::move(content);
    return Error::permanent(map.name() + ": the value of " + printable(key, 100) +
                            " is not base64; build the table with -F");
  }

  Result<std::size_t> add(const std::string& file) {
    std::size_t count = 0;
    TRY_DO(
        change_map(file, call_.build, Missing::IsEmpty, [&](Entries& entries) -> Result<Changed> {
          TRY_DO(add_entries(input_, "standard input", call_.build, entries));
          count = entries.size();
          return Changed::Yes;
        }));
    return count;
  }

  Result<bool> remove(const std::string& file) {
    bool any = false;
    auto erase = [&](Entries& entries) -> Result<Changed> {
      for (const auto& key : removed_) {
        any = entries.erase(call_.build.fold_keys ? folded_key_of_table(key) : key) > 0 || any;
      }
      return any ? Changed::Yes : Changed::No;
    };
    if (removed_.empty()) {
      TRY_DO(each_key(call_, field_bytes_max(), [&](std::string_view key) -> Result<void> {
        removed_.emplace_back(key);
        return {};
      }));
    }
    TRY_DO(change_map(file, call_.build, Missing::IsAnError, erase));
    return any;
  }

  std::size_t field_bytes_max() const {
    return config_ ? static_cast<std::size_t>(config_->header_size_limit) : 102'400;
  }

  using Maps = std::vector<std::unique_ptr<Map>>;

  /// Looks each key up in all tables and prints the value of the first that has it.
  Result<bool> ask_all() {
    Maps maps;
    for (const auto& name : call_.tables) {
      TRY(auto map, open(name));
      maps.push_back(std::move(map));
    }
    bool any = false;
    TRY_DO(each_key(call_, field_bytes_max(), [&](std::string_view key) -> Result<void> {
      TRY(bool found, ask(maps, key));
      any = any || found;
      return {};
    }));
    return any;
  }

  /// Looks a key up as MapList does for daemons.
  Result<bool> ask(const Maps& maps, std::string_view key) {
    if (key.empty() && !call_.keys_of.body) return false;
    if (key.size() > map_key_bytes_max) return false;
    if (call_.build.utf8_only && !is_utf8(key)) {
      warn("the key " + printable(key, 100) + " is not UTF-8: it is never found; -u asks for it");
      return false;
    }
    for (const auto& map : maps) {
      if (is_part_of_address(key) && !map->takes_partial_keys()) {
        warn(map->name() +
             " is a table of patterns: it is matched against whole addresses, never against " +
             printable(key, 100));
        continue;
      }
      TRY(auto value, map->lookup(key));
      if (!value) continue;
      TRY(auto text, shown_value(*map, key, *value));
      if (call_.key == "-") out_ << key << tool_.between;
      out_ << text << "\n";
      return true;
    }
    return false;
  }

  /// `@domain`, `user@` and `.domain` can only be parts of addresses, but for lines of messages.
  bool is_part_of_address(std::string_view key) const {
    if (call_.keys_of.header || call_.keys_of.body) return false;
    return key.size() > 1 && (key[0] == '@' || key[0] == '.' || key.ends_with('@'));
  }

  const TableTool& tool_;
  std::ostream& out_;
  std::ostream& err_;
  TableCall call_;
  std::shared_ptr<const Config> config_;  // null if it is missing or wrong
  std::string input_;                     // what -i adds
  std::vector<std::string> removed_;      // the keys of -d
};

}  // namespace

int postmap(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return Postmap(postmap_tool, out, err).run(args);
}

int postalias(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return Postmap(postalias_tool, out, err).run(args);
}

}  // namespace pennypost::smtp
