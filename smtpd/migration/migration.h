// Collects what a configuration of another mail server becomes in ours: settings, tables, and a
// list of what has no counterpart.
//
// What is collected is written by ../commands/migrate.cpp. Of several values of one setting the
// last counts, of several entries with one key the first, as makemap keeps it.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::smtp {

/// Where something stands in a source; line 0: it is about the whole file.
struct SourcePlace {
  std::string file;
  std::size_t line = 0;
};

/// A file beside main.toml.
struct MigratedTable {
  enum class Kind {
    Hash,      // `key value`, built by postmap
    Patterns,  // `/pattern/ value`
    Aliases,   // `name: value`, built by newaliases
    Names,     // a name on each line
    Secret     // as Hash, readable for auth_user alone
  };
  Kind kind = Kind::Hash;
  std::string text;
  std::set<std::string> keys;
};

/// What can't be written as it was meant, and why.
struct Unmatched {
  SourcePlace place;
  std::string text;  // as it stands there
  std::string reason;
};

class Migration {
 public:
  /// `directory`: where main.toml and the tables will be; absolute.
  explicit Migration(std::string directory) : directory_(std::move(directory)) {}

  /// `name`: a setting, or `service.submission.NAME`.
  void set(const std::string& name, std::string value, SourcePlace place = {});
  /// Adds an item to a list setting, at its end and only once.
  void add(const std::string& name, const std::string& item, SourcePlace place = {});
  bool is_set(const std::string& name) const { return settings_.contains(name); }
  /// Empty: it is not set.
  std::string value(const std::string& name) const;

  /// Makes the table if it is not there yet, so that it is written also if it stays empty.
  MigratedTable& table(const std::string& name, MigratedTable::Kind kind);
  /// Adds an entry. False: the key is there already.
  bool entry(const std::string& name, const std::string& key, const std::string& value,
             MigratedTable::Kind kind = MigratedTable::Kind::Hash);
  bool has_table(const std::string& name) const { return tables_.contains(name); }
  /// `hash:/etc/pennypost/virtual`, or what else its kind needs; for settings.
  std::string reference(const std::string& name) const;

  void lacks(SourcePlace place, std::string text, std::string reason);

  /// The text of main.toml. What is wrong in a value goes to unmatched(), and is left out.
  std::string main_toml();

  const std::map<std::string, MigratedTable>& tables() const { return tables_; }
  /// In the order of files and lines.
  std::vector<Unmatched> unmatched() const;
  const std::string& directory() const { return directory_; }

 private:
  struct Value {
    std::string text;
    SourcePlace place;
  };
  std::string directory_;
  std::map<std::string, Value> settings_;
  std::map<std::string, MigratedTable> tables_;
  std::vector<Unmatched> unmatched_;
};

}  // namespace pennypost::smtp
