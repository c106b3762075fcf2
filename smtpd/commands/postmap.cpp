// postmap(1): builds, changes, queries or lists a look-up table.
//
// SYNOPSIS
//   postmap [-c DIR] [-fiorwpNnu] [TYPE:]FILE...         builds FILE.rdb from FILE
//   postmap [-c DIR] [-f] -q KEY|- [TYPE:]FILE...        queries; - reads keys from standard input
//   postmap [-c DIR] [-f] -d KEY|- [TYPE:]FILE...        removes keys from the table
//   postmap [-c DIR] -s [TYPE:]FILE...                   lists `key TAB value`
//
// DESCRIPTION
//   -i  adds entries from standard input to the existing table, which need not have a source
//   -r  of several entries with the same key the last counts   -w  does not warn about them
//   -f  keys keep their case (daemons look up keys in lower case)
//   -p -o -N -n -u -v are accepted for compatibility and ignored.
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
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <ostream>
#include <vector>

#include "common/base/text.h"
#include "common/config/config.h"
#include "common/config/table_types.h"
#include "common/mail/idn.h"
#include "smtpd/commands/usage.h"
#include "store/accounts/table_check.h"
#include "store/maps/build.h"
#include "store/maps/map.h"

namespace pennypost::smtp {
namespace {

using namespace pennypost::store;  // NOLINT: the tables

enum class Task { Build, Add, Ask, Remove, List };

class Postmap {
 public:
  Postmap(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}

  int run(std::span<const std::string> args) {
    auto done = options(args);
    if (!done) return fail(done.error());
    // A missing or wrong configuration is ignored.
    if (auto config = Config::load(load_)) config_ = *std::move(config);
    if (config_) build_.keep_old = config_->map_old_generation_lifetime;
    auto found = task_ == Task::Ask ? ask_all() : each_table();
    if (!found) return fail(found.error());
    return *found ? 0 : 1;
  }

 private:
  int fail(const Error& error) {
    err_ << "postmap: fatal: " << error.text() << "\n";
    return 1;
  }

  static Error wrong_call() { return Error::permanent(std::string(usage::postmap)); }

  Result<void> options(std::span<const std::string> args) {
    std::size_t i = 0;
    for (; i < args.size() && args[i].size() > 1 && args[i][0] == '-'; ++i) {
      if (args[i] == "--") {
        ++i;
        break;
      }
      for (std::size_t k = 1; k < args[i].size(); ++k) {
        char flag = args[i][k];
        bool takes_text = flag == 'c' || flag == 'q' || flag == 'd';
        if (!takes_text) {
          TRY_DO(set(flag));
          continue;
        }
        std::string text = args[i].substr(k + 1);
        if (text.empty()) {
          if (i + 1 == args.size()) return wrong_call();
          text = args[++i];
        }
        if (flag == 'c') {
          load_.directory = text;
        } else {
          task_ = flag == 'q' ? Task::Ask : Task::Remove;
          key_ = text;
        }
        break;
      }
    }
    tables_.assign(args.begin() + static_cast<std::ptrdiff_t>(i), args.end());
    if (tables_.empty()) return wrong_call();
    return {};
  }

  Result<void> set(char flag) {
    switch (flag) {
      case 'f':
        build_.fold_keys = false;
        return {};
      case 'i':
        task_ = Task::Add;
        return {};
      case 'r':
        build_.duplicates = Duplicates::Replace;
        return {};
      case 'w':
        build_.duplicates = Duplicates::Ignore;
        return {};
      case 's':
        task_ = Task::List;
        return {};
      case 'p':
      case 'o':
      case 'N':
      case 'n':
      case 'u':
      case 'v':
        return {};
      default:
        return wrong_call();
    }
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

  Result<bool> each_table() {
    bool any_found = false;
    for (const auto& name : tables_) {
      TRY(auto table, reference(name));
      TRY(bool found, work_on(table));
      any_found = any_found || found;
    }
    return any_found;
  }

  Result<bool> work_on(const TableRef& table) {
    if (task_ == Task::List) {
      TRY(auto map, Map::open(table));
      TRY_DO(map->each([&](std::string_view key, std::string_view value) {
        out_ << key << "\t" << value << "\n";
      }));
      return true;
    }
    if (table.type != "hash") {
      return Error::permanent(table.text() +
                              ": tables of this type are not built, but read directly");
    }
    build_.warn = [&](const std::string& text) { err_ << "postmap: warning: " << text << "\n"; };
    if (config_) build_.reader = reader_of(*config_, table.name);
    if (task_ == Task::Remove) return remove(table.name);
    if (task_ == Task::Add) {
      std::string text(std::istreambuf_iterator<char>(std::cin), {});
      TRY_DO(change_map(table.name, build_, [&](Entries& entries) {
        return add_entries(text, "standard input", build_, entries);
      }));
    } else {
      TRY_DO(build_map(table.name, build_));
    }
    return true;
  }

  // Calls `use` with the key of -q or -d, or with each line of standard input.
  Result<bool> each_key(const std::function<Result<bool>(const std::string& key)>& use) {
    if (key_ != "-") return use(key_);
    bool any = false;
    std::string line;
    while (std::getline(std::cin, line)) {
      if (line.ends_with('\r')) line.pop_back();
      TRY(bool found, use(line));
      any = any || found;
    }
    return any;
  }

  using Maps = std::vector<std::unique_ptr<Map>>;

  /// Looks each key up in all tables and prints the value of the first that has it.
  Result<bool> ask_all() {
    Maps maps;
    for (const auto& name : tables_) {
      TRY(auto table, reference(name));
      TRY(auto map, Map::open(table));
      maps.push_back(std::move(map));
    }
    return each_key([&](const std::string& key) { return ask(maps, key); });
  }

  /// Looks a key up as MapList does for daemons.
  Result<bool> ask(const Maps& maps, const std::string& key) {
    if (key.size() > map_key_bytes_max) return false;
    for (const auto& map : maps) {
      if (is_part_of_address(key) && !map->takes_partial_keys()) {
        err_ << "postmap: warning: " << map->name()
             << " is a table of patterns: it is matched against whole addresses, never against "
             << printable(key, 100) << "\n";
        continue;
      }
      TRY(auto value, map->lookup(key));
      if (!value) continue;
      if (key_ == "-") out_ << key << "\t";
      out_ << *value << "\n";
      return true;
    }
    return false;
  }

  /// `@domain`, `user@` and `.domain` can only be parts of addresses.
  static bool is_part_of_address(std::string_view key) {
    return key.size() > 1 && (key[0] == '@' || key[0] == '.' || key.ends_with('@'));
  }

  Result<bool> remove(const std::string& file) {
    bool any = false;
    TRY_DO(change_map(file, build_, [&](Entries& entries) -> Result<void> {
      TRY(any, each_key([&](const std::string& key) -> Result<bool> {
            return entries.erase(build_.fold_keys ? folded_key_of_table(key) : key) > 0;
          }));
      return {};
    }));
    return any;
  }

  std::ostream& out_;
  std::ostream& err_;
  Task task_ = Task::Build;
  LoadOptions load_;
  std::shared_ptr<const Config> config_;  // null if it is missing or wrong
  BuildOptions build_;
  std::string key_;
  std::vector<std::string> tables_;
};

}  // namespace

int postmap(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
  return Postmap(out, err).run(args);
}

}  // namespace pennypost::smtp
