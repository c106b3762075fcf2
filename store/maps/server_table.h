// Asks a server, or a database in a file, for the value of a key: what ldap:, mysql:, pgsql: and
// sqlite: tables share.
//
// The table's reference names a file of settings (source_settings.h), which is read again when it
// changes. A look-up folds the key, asks for it what the settings say, puts each value found into
// `result_format` and joins them by commas. The settings `domain` and the templates leave out keys
// that are not asked for (key_template.h). A key that holds a NUL, is no UTF-8 or is longer than
// server_key_bytes_max is not there.
//
// The library behind it blocks, so each table is a SlowSource: `server_threads` look-ups at once,
// each on a connection of its own, which is kept for the next one. Settings that name the same file
// share these (ServerTables). A connection that the server has closed is made anew; a server that
// can't be reached is tried after the others for retry_interval. What can't be answered is "try
// later", and is told on_problem once, until answers come again.
//
// STANDARDS  none; Postfix's ldap_table(5), mysql_table(5), pgsql_table(5), sqlite_table(5)
// SEE ALSO   ldap_server.cpp, mysql_server.cpp, pgsql_server.cpp, sqlite_server.cpp
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/maps/key_template.h"
#include "store/maps/openers.h"
#include "store/maps/source_settings.h"

namespace pennypost::store {

inline constexpr std::size_t server_threads = 4;             // of one table
inline constexpr std::size_t server_key_bytes_max = 65'536;  // a longer key is not there
inline constexpr std::size_t server_values_max = 100'000;    // of one key

/// The values of one key, as they come, in the form of the result.
class FoundValues {
 public:
  /// `most`: the setting expansion_limit; 0: none.
  FoundValues(const KeyTemplate& form, std::string_view key, std::uint64_t most)
      : form_(form), key_(key), most_(most) {}
  /// Error: there are more than the limits allow.
  Result<void> add(std::string_view value);
  /// All of them; nothing: none was added.
  std::optional<std::string> text() const;

 private:
  const KeyTemplate& form_;
  std::string_view key_;
  std::uint64_t most_;
  std::uint64_t count_ = 0;
  std::string text_;
};

/// A connection to a server; used by one thread at a time.
class ServerConnection {
 public:
  enum class State {
    Good,
    Closed,  // by the server, before it answered: another connection may be asked the same
    Failed,  // not to be used again
  };
  virtual ~ServerConnection() = default;
  /// Adds what the server has for `key`. Error: try later.
  virtual Result<void> ask(const std::string& key, FoundValues& found) = 0;
  /// After the last ask().
  State state() const { return state_; }

 protected:
  State state_ = State::Good;
};

/// How a table's servers are reached and asked; made from its settings, used by many threads.
class Server {
 public:
  virtual ~Server() = default;
  /// Whether the key has what the query needs.
  virtual bool serves(std::string_view key) const = 0;
  virtual Result<std::unique_ptr<ServerConnection>> connect(const std::string& host) const = 0;
  /// In the order in which they are tried; at least one.
  const std::vector<std::string>& hosts() const { return hosts_; }
  /// How long connecting, and one request, may take.
  std::chrono::seconds patience() const { return patience_; }
  std::chrono::seconds retry_interval() const { return retry_interval_; }
  /// A connection unused for so long is not used again.
  std::chrono::seconds idle_interval() const { return idle_interval_; }

 protected:
  std::vector<std::string> hosts_;
  std::chrono::seconds patience_{10};
  std::chrono::seconds retry_interval_{60};
  std::chrono::seconds idle_interval_{60};
};

using MakeServer = Result<std::shared_ptr<const Server>> (*)(const SourceSettings& settings);

/// The tables of one configuration that servers answer, each opened once. Used by many threads.
class ServerTables {
 public:
  /// The table of that reference if a Map uses it, else what `open` gives, which is kept in mind.
  template <class Table>
  std::shared_ptr<Table> get(const std::string& reference,
                             const std::function<std::shared_ptr<Table>()>& open) {
    std::lock_guard lock(mutex_);
    auto& known = tables_[reference];
    if (auto table = known.lock()) return std::static_pointer_cast<Table>(table);
    auto table = open();
    known = table;
    return table;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<void>> tables_;
};

/// A table of which `make` makes the server, from settings that have these `rows`.
OpenedMap open_server_table(const TableRef& table, const MapOptions& options,
                            std::span<const SourceSetting> rows, MakeServer make);

}  // namespace pennypost::store
