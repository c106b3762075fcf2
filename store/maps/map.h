// Looks a key up in a table: the answer is the value, "no such key" or "try later".
//
//   hash:/path       what postmap built from /path; a new table is seen within a second or two
//   texthash:/path   the same source, read as it is
//   inline:{a=b, {c = d, e}}   entries in the configuration itself
//   static:text      the same value for every key; static:{text with blanks}
//   cidr:/path       `network value` by address, first match (cidr_rules.h)
//   regexp:/path, pcre:/path   `/pattern/ value`, first match (pattern_rules.h)
//   ldap:, mysql:, pgsql:, sqlite:  a server's answer, asked for as /path says (server_table.h)
//   list:/path       names in a file, which /path in a list of names stands for (name_list.h)
//   unionmap:{t1, t2}  all values, by commas;  pipemap:{t1, t2}  each one's value is the next key
//
// Keys are looked up in lower case, as Postfix folds them, and in NFC; a domain in a key also in
// its other spelling, so that `müll.example` in a table is found as `xn--mll-hoa.example`, and the
// other way round. Files are checked once per `check_interval` and read again if they have changed;
// if the new content can't be used, the old stays in use and `on_problem` is told why. A table that
// can't be read does not prevent a start: look-ups answer "try later", and each interval tries
// again.
//
// A Map may be used by several threads. It blocks on files (use offload); servers: see inquiry.h.
//
// STANDARDS  none; Postfix's DATABASE_README, cidr_table(5), regexp_table(5), pcre_table(5)
// SEE ALSO   address_lookup.h (which keys an address or a client stands for), generation.h (hash:)
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/config/types.h"

namespace pennypost::store {

inline constexpr std::size_t map_members_max = 32;         // of a unionmap or pipemap
inline constexpr std::size_t map_nesting_max = 8;          // of such maps in one another
inline constexpr std::size_t map_key_bytes_max = 1 << 20;  // a longer key is never found
inline constexpr std::size_t map_value_bytes_max =
    1 << 20;  // what joining and substituting may yield

class ServerTables;

struct MapOptions {
  const Clock* clock = &Clock::system();
  Microseconds check_interval = Seconds{1};
  /// When this counter grows, files are checked before their next use, whatever the interval. May
  /// be null.
  std::shared_ptr<const std::atomic<std::uint64_t>> looks_asked;
  /// A hash: table for which neither a source nor a built table has existed yet counts as empty:
  /// for tables that Pennypost itself keeps, and for those that no setting names.
  bool absent_is_empty = false;
  /// A key of hash:, texthash: or inline: is looked up in lower case; else as it is (postmap -f).
  bool folds_keys = true;
  /// Through it, settings that name the same server's table share connections (server_table.h).
  /// Null: each has its own.
  std::shared_ptr<ServerTables> server_tables;
  /// Called once for each change of a file that could not be used, by any thread. May be empty.
  std::function<void(const std::string& text)> on_problem;
};

class Map {
 public:
  /// Errors are the configuration's: unknown type, ldap: (not supported), wrong braces, nesting.
  static Result<std::unique_ptr<Map>> open(const TableRef& table, const MapOptions& options = {});

  virtual ~Map() = default;

  /// The value; nothing: there is no such key; Error: the table can't answer now, try later (4xx).
  /// Its text names files and is for the log, not for peers.
  virtual Result<std::optional<std::string>> lookup(std::string_view key) const = 0;

  /// Reads what a look-up would have to read first. Error: the one that lookup() would answer now.
  virtual Result<void> ready() const { return {}; }

  /// False for pattern tables: they are asked only for whole addresses, never for parts such as
  /// `@domain` or `10.1` (regexp_table(5), section "TABLE SEARCH ORDER").
  virtual bool takes_partial_keys() const { return true; }

  /// Calls `use` with every entry. Error: tables of this type can't be listed, or it can't be read.
  virtual Result<void> each(
      const std::function<void(std::string_view key, std::string_view value)>& use) const;

  /// Changes whenever the entries of each() may have changed; empty: unknown. Costs no more than a
  /// lookup().
  virtual std::string stamp() const { return {}; }

  /// `hash:/etc/aliases`, for the log.
  const std::string& name() const { return name_; }

 protected:
  explicit Map(std::string name) : name_(std::move(name)) {}

 private:
  std::string name_;
};

/// Tables that are searched in order, such as `virtual_alias_maps`: the first that has the key
/// answers.
class MapList {
 public:
  enum class Key { Whole, Partial };

  MapList() = default;
  static Result<MapList> open(const std::vector<TableRef>& tables, const MapOptions& options = {});

  /// Stops at the first table that fails: a later one must not answer in its place.
  Result<std::optional<std::string>> lookup(std::string_view key, Key kind = Key::Whole) const;
  bool empty() const { return maps_.empty(); }

 private:
  std::vector<std::shared_ptr<const Map>> maps_;
};

}  // namespace pennypost::store
