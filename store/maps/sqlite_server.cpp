// Asks a database of SQLite, which is a file: sqlite: tables.
//
//   dbpath = /var/lib/mail/users.db
//   query = SELECT destination FROM aliases WHERE address = '%s'
//
// The first column of each row is a value. The database is opened for reading alone; another file
// of the same name is opened at the next look-up.
//
// STANDARDS  none; Postfix's sqlite_table(5)
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "common/base/shared_library.h"
#include "common/base/text.h"
#include "store/maps/reloading.h"
#include "store/maps/server_table.h"
#include "store/maps/sql_query.h"

namespace pennypost::store {
namespace {

constexpr int instructions_between_looks = 10'000;  // at the clock

constexpr auto rows = [] {
  std::array<SourceSetting, sql_query_rows.size() + 1> all{};
  std::ranges::copy(sql_query_rows, all.begin());
  all.back() = SourceSetting{"dbpath", ""};
  return all;
}();

/// The functions of libsqlite3.
struct Sqlite {
  explicit Sqlite(SharedLibrary& from) {
    from.find("sqlite3_open_v2", open);
    from.find("sqlite3_close_v2", close);
    from.find("sqlite3_errmsg", errmsg);
    from.find("sqlite3_busy_timeout", busy_timeout);
    from.find("sqlite3_progress_handler", progress_handler);
    from.find("sqlite3_prepare_v2", prepare);
    from.find("sqlite3_step", step);
    from.find("sqlite3_finalize", finalize);
    from.find("sqlite3_column_text", column_text);
    from.find("sqlite3_column_bytes", column_bytes);
  }
  decltype(&::sqlite3_open_v2) open = nullptr;
  decltype(&::sqlite3_close_v2) close = nullptr;
  decltype(&::sqlite3_errmsg) errmsg = nullptr;
  decltype(&::sqlite3_busy_timeout) busy_timeout = nullptr;
  decltype(&::sqlite3_progress_handler) progress_handler = nullptr;
  decltype(&::sqlite3_prepare_v2) prepare = nullptr;
  decltype(&::sqlite3_step) step = nullptr;
  decltype(&::sqlite3_finalize) finalize = nullptr;
  decltype(&::sqlite3_column_text) column_text = nullptr;
  decltype(&::sqlite3_column_bytes) column_bytes = nullptr;
};

/// Text between single quotes: one of them is written twice.
std::string quoted(std::string_view part) {
  std::string text;
  for (char c : part) text += c == '\'' ? std::string("''") : std::string(1, c);
  return text;
}

using Clock = std::chrono::steady_clock;

class SqliteConnection final : public ServerConnection {
 public:
  SqliteConnection(const Sqlite& library, const std::string& file, const KeyTemplate& query,
                   std::chrono::seconds patience)
      : library_(library), file_(file), query_(query), patience_(patience) {}
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection() override { library_.close(database_); }

  Result<void> open() {
    stamp_ = file_identity();
    int code = library_.open(file_.c_str(), &database_, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                             nullptr);
    if (code != SQLITE_OK) return failed("open");
    auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(patience_).count();
    library_.busy_timeout(database_, static_cast<int>(wait));
    library_.progress_handler(database_, instructions_between_looks, &is_over, this);
    return {};
  }

  Result<void> ask(const std::string& key, FoundValues& found) override {
    if (stamp_ != file_identity()) {
      state_ = State::Closed;
      return Error::temporary(file_ + " is another file now");
    }
    until_ = Clock::now() + patience_;
    std::string text = query_.for_key(key, quoted);
    sqlite3_stmt* statement = nullptr;
    int code = library_.prepare(database_, text.c_str(), static_cast<int>(text.size()), &statement,
                                nullptr);
    if (code != SQLITE_OK) return failed("query");
    auto rows_read = read(statement, found);
    library_.finalize(statement);
    return rows_read;
  }

 private:
  static int is_over(void* self) {
    return Clock::now() > static_cast<SqliteConnection*>(self)->until_ ? 1 : 0;
  }
  /// Another file by the same name has another; its own changes are SQLite's matter.
  std::string file_identity() const {
    struct stat status;
    if (::stat(file_.c_str(), &status) != 0) return "absent";
    return std::to_string(status.st_dev) + "/" + std::to_string(status.st_ino);
  }
  Result<void> read(sqlite3_stmt* statement, FoundValues& found) {
    for (;;) {
      int code = library_.step(statement);
      if (code == SQLITE_DONE) return {};
      if (code != SQLITE_ROW) return failed("query");
      const unsigned char* text = library_.column_text(statement, 0);
      if (text == nullptr) continue;  // NULL
      auto bytes = static_cast<std::size_t>(library_.column_bytes(statement, 0));
      TRY_DO(found.add(std::string_view(reinterpret_cast<const char*>(text), bytes)));
    }
  }
  Error failed(const std::string& step) {
    state_ = State::Failed;
    return Error::temporary(step + " " + file_ + ": " + library_.errmsg(database_));
  }

  const Sqlite& library_;
  const std::string& file_;
  const KeyTemplate& query_;
  std::chrono::seconds patience_;
  std::string stamp_;
  sqlite3* database_ = nullptr;
  Clock::time_point until_ = Clock::time_point::max();
};

class SqliteServer final : public Server {
 public:
  SqliteServer(const Sqlite& library, std::string file, KeyTemplate query)
      : library_(library), query_(std::move(query)) {
    hosts_ = {std::move(file)};
  }
  bool serves(std::string_view key) const override { return query_.serves(key); }
  Result<std::unique_ptr<ServerConnection>> connect(const std::string&) const override {
    auto made = std::make_unique<SqliteConnection>(library_, hosts_.front(), query_, patience_);
    TRY_DO(made->open());
    return std::unique_ptr<ServerConnection>(std::move(made));
  }

 private:
  const Sqlite& library_;
  KeyTemplate query_;
};

Result<std::shared_ptr<const Server>> make(const SourceSettings& settings) {
  std::string file = settings.text("dbpath");
  if (!file.starts_with('/')) return settings.wrong("dbpath", "needs an absolute path");
  TRY(auto query, sql_query(settings, "'"));
  TRY(const Sqlite* library, loaded<Sqlite>({"libsqlite3.so.0"}, "libsqlite3-0"));
  return std::shared_ptr<const Server>(
      std::make_shared<SqliteServer>(*library, std::move(file), std::move(query)));
}

}  // namespace

OpenedMap open_sqlite(const TableRef& table, const MapOptions& options, std::size_t) {
  return open_server_table(table, options, rows, &make);
}

}  // namespace pennypost::store
