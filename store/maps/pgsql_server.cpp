// Asks PostgreSQL: pgsql: tables.
//
//   hosts = unix:/var/run/postgresql, db.example.com:5432   tried in this order
//   user, password, dbname = mail                            dbname may be a postgresql:// URI
//   query = SELECT destination FROM aliases WHERE address = '%s'
//
// Each column of each row is a value; NULL is none.
//
// STANDARDS  none; Postfix's pgsql_table(5)
#include <libpq-fe.h>
#include <poll.h>
#include <string.h>

#include <algorithm>
#include <array>

#include "common/base/secret.h"
#include "common/base/shared_library.h"
#include "common/base/text.h"
#include "store/maps/sql_server.h"

namespace pennypost::store {
namespace {

constexpr auto rows = sql_server_rows(std::array{
    SourceSetting{"dbname", ""}, SourceSetting{"encoding", "UTF8"}, SourceSetting{"password", ""},
    SourceSetting{"select_function", ""}, SourceSetting{"user", ""}});

/// The functions of libpq.
struct Postgres {
  explicit Postgres(SharedLibrary& from) {
    from.find("PQconnectdbParams", connect);
    from.find("PQfinish", finish);
    from.find("PQstatus", status);
    from.find("PQerrorMessage", error_message);
    from.find("PQescapeStringConn", escape);
    from.find("PQsendQuery", send_query);
    from.find("PQsocket", socket);
    from.find("PQconsumeInput", consume_input);
    from.find("PQisBusy", is_busy);
    from.find("PQgetResult", next_result);
    from.find("PQresultStatus", result_status);
    from.find("PQresultErrorMessage", result_error);
    from.find("PQntuples", row_count);
    from.find("PQnfields", column_count);
    from.find("PQgetisnull", is_null);
    from.find("PQgetvalue", value);
    from.find("PQgetlength", length);
    from.find("PQclear", clear);
  }
  decltype(&::PQconnectdbParams) connect = nullptr;
  decltype(&::PQfinish) finish = nullptr;
  decltype(&::PQstatus) status = nullptr;
  decltype(&::PQerrorMessage) error_message = nullptr;
  decltype(&::PQescapeStringConn) escape = nullptr;
  decltype(&::PQsendQuery) send_query = nullptr;
  decltype(&::PQsocket) socket = nullptr;
  decltype(&::PQconsumeInput) consume_input = nullptr;
  decltype(&::PQisBusy) is_busy = nullptr;
  decltype(&::PQgetResult) next_result = nullptr;
  decltype(&::PQresultStatus) result_status = nullptr;
  decltype(&::PQresultErrorMessage) result_error = nullptr;
  decltype(&::PQntuples) row_count = nullptr;
  decltype(&::PQnfields) column_count = nullptr;
  decltype(&::PQgetisnull) is_null = nullptr;
  decltype(&::PQgetvalue) value = nullptr;
  decltype(&::PQgetlength) length = nullptr;
  decltype(&::PQclear) clear = nullptr;
};

struct PostgresSettings {
  std::string user;
  Secret password;
  std::string database;
  std::string encoding;
  std::optional<KeyTemplate> query;
};

using Clock = std::chrono::steady_clock;

class PostgresConnection final : public ServerConnection {
 public:
  PostgresConnection(const Postgres& library, const PostgresSettings& settings,
                     std::chrono::seconds patience)
      : library_(library), settings_(settings), patience_(patience) {}
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;
  ~PostgresConnection() override { library_.finish(handle_); }

  Result<void> open(const std::string& server) {
    server_ = server;
    auto host = SqlHost::parse(server);
    // A URI, in place of a host or in dbname, says itself where the server is.
    bool is_uri = server.starts_with("postgres://") || server.starts_with("postgresql://");
    std::string database = is_uri ? server : settings_.database;
    bool has_host = !is_uri && database.find("://") == database.npos;
    std::string place = !has_host ? "" : host.path.empty() ? host.name : host.path;
    std::string port = has_host ? host.port : "";
    std::string password(settings_.password.reveal());
    std::string seconds = std::to_string(patience_.count());
    // What is empty is passed over. What stands behind another counts rather than it: what a URI
    // says is not replaced by `user` and `password`.
    std::array names{"user",
                     "password",
                     "dbname",
                     "host",
                     "port",
                     "client_encoding",
                     "connect_timeout",
                     "fallback_application_name",
                     static_cast<const char*>(nullptr)};
    std::array values{settings_.user.c_str(), password.c_str(), database.c_str(),
                      place.c_str(),          port.c_str(),     settings_.encoding.c_str(),
                      seconds.c_str(),        "pennypost",      static_cast<const char*>(nullptr)};
    handle_ = library_.connect(names.data(), values.data(), 1);
    ::explicit_bzero(password.data(), password.size());
    if (library_.status(handle_) == CONNECTION_OK) return {};
    return failed(State::Failed, library_.error_message(handle_));
  }

  Result<void> ask(const std::string& key, FoundValues& found) override {
    bool is_quoted = true;
    auto quote = [&](std::string_view part) {
      std::string text(2 * part.size() + 1, '\0');
      int problem = 0;
      text.resize(library_.escape(handle_, text.data(), part.data(), part.size(), &problem));
      is_quoted = is_quoted && problem == 0;
      return text;
    };
    std::string query = settings_.query->for_key(key, quote);
    // What the server's encoding can't express is in none of its tables.
    if (!is_quoted) return {};
    until_ = Clock::now() + patience_;
    if (library_.send_query(handle_, query.c_str()) != 1) return lost();
    // The connection can be used again when all results have been taken from it.
    Result<void> all;
    for (;;) {
      TRY(auto* result, next_result());
      if (result == nullptr) return all;
      if (all) all = read(result, found);
      library_.clear(result);
    }
  }

 private:
  /// Null behind the last one.
  Result<PGresult*> next_result() {
    while (library_.is_busy(handle_) == 1) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - Clock::now()).count();
      pollfd ready{library_.socket(handle_), POLLIN, 0};
      if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) == 0) {
        return failed(State::Failed,
                      "no answer within " + std::to_string(patience_.count()) + " s");
      }
      if (library_.consume_input(handle_) != 1) return lost();
    }
    return library_.next_result(handle_);
  }

  Result<void> read(const PGresult* result, FoundValues& found) {
    auto status = library_.result_status(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) return {};
    if (status != PGRES_TUPLES_OK) {
      bool is_lost = library_.status(handle_) != CONNECTION_OK;
      return failed(is_lost ? State::Closed : State::Good, library_.result_error(result));
    }
    for (int row = 0; row < library_.row_count(result); ++row) {
      for (int column = 0; column < library_.column_count(result); ++column) {
        if (library_.is_null(result, row, column) == 1) continue;
        auto bytes = static_cast<std::size_t>(library_.length(result, row, column));
        TRY_DO(found.add(std::string_view(library_.value(result, row, column), bytes)));
      }
    }
    return {};
  }

  Error lost() { return failed(State::Closed, library_.error_message(handle_)); }
  Error failed(State state, const std::string& reason) {
    state_ = state;
    return Error::temporary(server_ + ": " + printable(trim(reason), 300));
  }

  const Postgres& library_;
  const PostgresSettings& settings_;
  std::chrono::seconds patience_;
  std::string server_;
  PGconn* handle_ = nullptr;
  Clock::time_point until_{};
};

using PostgresServer = SqlServer<PostgresConnection, Postgres, PostgresSettings>;

/// `query`; without one, the oldest form of it, or that of the other SQL tables.
Result<KeyTemplate> query_of(const SourceSettings& settings) {
  std::string function = settings.text("select_function");
  if (function.empty() || settings.is_set("query")) return sql_query(settings, "'");
  auto query = KeyTemplate::parse("SELECT " + function + "('%s')", KeyTemplate::Of::Key);
  if (!query) return settings.wrong("select_function", query.error().text());
  return query;
}

Result<std::shared_ptr<const Server>> make(const SourceSettings& settings) {
  PostgresSettings read;
  read.user = settings.text("user");
  read.password = Secret(settings.text("password"));
  read.database = settings.text("dbname");
  read.encoding = settings.text("encoding");
  TRY(read.query, query_of(settings));
  TRY(const Postgres* library, loaded<Postgres>({"libpq.so.5"}, "libpq5"));
  return std::shared_ptr<const Server>(
      std::make_shared<PostgresServer>(*library, std::move(read), settings));
}

}  // namespace

OpenedMap open_pgsql(const TableRef& table, const MapOptions& options, std::size_t) {
  return open_server_table(table, options, rows, &make);
}

}  // namespace pennypost::store
