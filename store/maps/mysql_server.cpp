// Asks MySQL or MariaDB: mysql: tables.
//
//   hosts = unix:/run/mysqld/mysqld.sock, db.example.com:3306   tried in this order
//   user, password, dbname = mail
//   query = SELECT destination FROM aliases WHERE address = '%s'
//
// Each column of each row, in each result of a stored procedure, is a value; NULL is none.
//
// STANDARDS  none; Postfix's mysql_table(5)
#include <mysql.h>
#include <string.h>

#include <algorithm>
#include <array>

#include "common/base/secret.h"
#include "common/base/shared_library.h"
#include "common/base/text.h"
#include "store/maps/sql_server.h"

namespace pennypost::store {
namespace {

// Errors after which another connection may be asked the same (the library's numbers).
constexpr unsigned server_gone = 2006;  // CR_SERVER_GONE_ERROR
constexpr unsigned server_lost = 2013;  // CR_SERVER_LOST, also when an answer takes too long

constexpr auto rows = sql_server_rows(std::array{
    SourceSetting{"charset", "utf8mb4"}, SourceSetting{"dbname", ""},
    SourceSetting{"option_file", ""}, SourceSetting{"option_group", "client"},
    SourceSetting{"password", ""}, SourceSetting{"require_result_set", "yes", SourceSetting::Flag},
    SourceSetting{"tls_CAfile", ""}, SourceSetting{"tls_CApath", ""},
    SourceSetting{"tls_cert_file", ""}, SourceSetting{"tls_ciphers", ""},
    SourceSetting{"tls_key_file", ""}, SourceSetting{"tls_verify_cert", "no", SourceSetting::Flag},
    SourceSetting{"user", ""}});

/// The functions of libmariadb, which speaks to servers of either name.
struct MySql {
  explicit MySql(SharedLibrary& from) {
    from.find("mysql_server_init", server_init);
    from.find("mysql_init", init);
    from.find("mysql_options", options);
    from.find("mysql_ssl_set", ssl_set);
    from.find("mysql_real_connect", connect);
    from.find("mysql_close", close);
    from.find("mysql_errno", error_number);
    from.find("mysql_error", error);
    from.find("mysql_real_escape_string", escape);
    from.find("mysql_real_query", query);
    from.find("mysql_store_result", store_result);
    from.find("mysql_next_result", next_result);
    from.find("mysql_field_count", field_count);
    from.find("mysql_num_fields", num_fields);
    from.find("mysql_fetch_row", fetch_row);
    from.find("mysql_fetch_lengths", fetch_lengths);
    from.find("mysql_free_result", free_result);
    // The library sets itself up at the first call, which must not come from several threads.
    if (server_init != nullptr) server_init(0, nullptr, nullptr);
  }
  decltype(&::mysql_server_init) server_init = nullptr;
  decltype(&::mysql_init) init = nullptr;
  decltype(&::mysql_options) options = nullptr;
  decltype(&::mysql_ssl_set) ssl_set = nullptr;
  decltype(&::mysql_real_connect) connect = nullptr;
  decltype(&::mysql_close) close = nullptr;
  decltype(&::mysql_errno) error_number = nullptr;
  decltype(&::mysql_error) error = nullptr;
  decltype(&::mysql_real_escape_string) escape = nullptr;
  decltype(&::mysql_real_query) query = nullptr;
  decltype(&::mysql_store_result) store_result = nullptr;
  decltype(&::mysql_next_result) next_result = nullptr;
  decltype(&::mysql_field_count) field_count = nullptr;
  decltype(&::mysql_num_fields) num_fields = nullptr;
  decltype(&::mysql_fetch_row) fetch_row = nullptr;
  decltype(&::mysql_fetch_lengths) fetch_lengths = nullptr;
  decltype(&::mysql_free_result) free_result = nullptr;
};

struct MySqlSettings {
  std::string user;
  Secret password;
  std::string database;
  std::string charset;
  std::string option_file;
  std::string option_group;
  std::string tls_key;
  std::string tls_certificate;
  std::string tls_ca_file;
  std::string tls_ca_path;
  std::string tls_ciphers;
  bool verifies_certificate = false;
  bool requires_result = true;
  std::optional<KeyTemplate> query;

  bool uses_tls() const {
    return verifies_certificate || !tls_key.empty() || !tls_certificate.empty() ||
           !tls_ca_file.empty() || !tls_ca_path.empty() || !tls_ciphers.empty();
  }
};

const char* text_or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

using Clock = std::chrono::steady_clock;

class MySqlConnection final : public ServerConnection {
 public:
  MySqlConnection(const MySql& library, const MySqlSettings& settings,
                  std::chrono::seconds patience)
      : library_(library), settings_(settings), patience_(patience) {}
  MySqlConnection(const MySqlConnection&) = delete;
  MySqlConnection& operator=(const MySqlConnection&) = delete;
  ~MySqlConnection() override {
    if (handle_ != nullptr) library_.close(handle_);
  }

  Result<void> open(const std::string& server) {
    server_ = server;
    handle_ = library_.init(nullptr);
    if (handle_ == nullptr) return Error::temporary(server_ + ": out of memory");
    set_options();
    auto host = SqlHost::parse(server);
    auto port = static_cast<unsigned>(parse_number(host.port).value_or(0));
    std::string password(settings_.password.reveal());
    MYSQL* made = library_.connect(handle_, text_or_null(host.name), text_or_null(settings_.user),
                                   text_or_null(password), text_or_null(settings_.database), port,
                                   text_or_null(host.path), CLIENT_MULTI_RESULTS);
    ::explicit_bzero(password.data(), password.size());
    return made == nullptr ? failed(State::Failed) : Result<void>();
  }

  Result<void> ask(const std::string& key, FoundValues& found) override {
    auto quote = [&](std::string_view part) {
      std::string text(2 * part.size() + 1, '\0');
      text.resize(library_.escape(handle_, text.data(), part.data(), part.size()));
      return text;
    };
    std::string query = settings_.query->for_key(key, quote);
    auto begun = Clock::now();
    if (library_.query(handle_, query.data(), query.size()) != 0) return not_answered(begun);
    bool has_result = false;
    for (int more = 0; more == 0;) {
      TRY_DO(take_result(found, has_result));
      more = library_.next_result(handle_);
      if (more > 0) return not_answered(begun);
    }
    if (has_result || !settings_.requires_result) return {};
    return Error::temporary(server_ + ": the query gives no result set (require_result_set)");
  }

 private:
  void set_options() {
    auto seconds = static_cast<unsigned>(patience_.count());
    for (auto option :
         {MYSQL_OPT_CONNECT_TIMEOUT, MYSQL_OPT_READ_TIMEOUT, MYSQL_OPT_WRITE_TIMEOUT}) {
      library_.options(handle_, option, &seconds);
    }
    library_.options(handle_, MYSQL_SET_CHARSET_NAME, settings_.charset.c_str());
    if (!settings_.option_file.empty()) {
      library_.options(handle_, MYSQL_READ_DEFAULT_FILE, settings_.option_file.c_str());
      library_.options(handle_, MYSQL_READ_DEFAULT_GROUP, settings_.option_group.c_str());
    }
    if (!settings_.uses_tls()) return;
    library_.ssl_set(handle_, text_or_null(settings_.tls_key),
                     text_or_null(settings_.tls_certificate), text_or_null(settings_.tls_ca_file),
                     text_or_null(settings_.tls_ca_path), text_or_null(settings_.tls_ciphers));
    my_bool verifies = settings_.verifies_certificate ? 1 : 0;
    library_.options(handle_, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verifies);
  }

  Result<void> take_result(FoundValues& found, bool& has_result) {
    MYSQL_RES* result = library_.store_result(handle_);
    if (result == nullptr) {
      // Nothing but rows was asked for, or the rows did not come.
      return library_.field_count(handle_) == 0 ? Result<void>() : failed(State::Failed);
    }
    has_result = true;
    auto all = read(result, found);
    library_.free_result(result);
    // Results may be left on the connection.
    if (!all) state_ = State::Failed;
    return all;
  }

  Result<void> read(MYSQL_RES* result, FoundValues& found) {
    unsigned columns = library_.num_fields(result);
    while (MYSQL_ROW row = library_.fetch_row(result)) {
      unsigned long* bytes = library_.fetch_lengths(result);
      for (unsigned column = 0; column < columns; ++column) {
        if (row[column] == nullptr) continue;
        TRY_DO(found.add(std::string_view(row[column], bytes[column])));
      }
    }
    return {};
  }

  /// A connection that was closed before it was used is another matter than a server that is slow.
  Error not_answered(Clock::time_point begun) {
    unsigned number = library_.error_number(handle_);
    bool is_lost = number == server_gone || number == server_lost;
    bool is_slow = Clock::now() - begun >= patience_ / 2;
    if (!is_lost) return failed(State::Good);
    return failed(is_slow ? State::Failed : State::Closed);
  }
  Error failed(State state) {
    state_ = state;
    return Error::temporary(server_ + ": " + printable(library_.error(handle_), 300));
  }

  const MySql& library_;
  const MySqlSettings& settings_;
  std::chrono::seconds patience_;
  std::string server_;
  MYSQL* handle_ = nullptr;
};

using MySqlServer = SqlServer<MySqlConnection, MySql, MySqlSettings>;

Result<std::shared_ptr<const Server>> make(const SourceSettings& settings) {
  MySqlSettings read;
  read.user = settings.text("user");
  read.password = Secret(settings.text("password"));
  read.database = settings.text("dbname");
  read.charset = settings.text("charset");
  read.option_file = settings.text("option_file");
  read.option_group = settings.text("option_group");
  read.tls_key = settings.text("tls_key_file");
  read.tls_certificate = settings.text("tls_cert_file");
  read.tls_ca_file = settings.text("tls_CAfile");
  read.tls_ca_path = settings.text("tls_CApath");
  read.tls_ciphers = settings.text("tls_ciphers");
  read.verifies_certificate = settings.flag("tls_verify_cert");
  read.requires_result = settings.flag("require_result_set");
  TRY(read.query, sql_query(settings, "'\""));
  TRY(const MySql* library, loaded<MySql>({"libmariadb.so.3"}, "libmariadb3"));
  return std::shared_ptr<const Server>(
      std::make_shared<MySqlServer>(*library, std::move(read), settings));
}

}  // namespace

OpenedMap open_mysql(const TableRef& table, const MapOptions& options, std::size_t) {
  return open_server_table(table, options, rows, &make);
}

}  // namespace pennypost::store
