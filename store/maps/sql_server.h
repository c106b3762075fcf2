// Reaches the servers of an SQL table: what mysql: and pgsql: share beside the query.
//
// SEE ALSO   server_table.h, sql_query.h
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "store/maps/server_table.h"
#include "store/maps/sql_query.h"

namespace pennypost::store {

/// The settings of one kind of SQL server, and those that all have.
template <std::size_t count>
constexpr auto sql_server_rows(const std::array<SourceSetting, count>& own) {
  std::array<SourceSetting, count + sql_query_rows.size() + sql_host_rows.size()> all{};
  auto end = std::ranges::copy(own, all.begin()).out;
  end = std::ranges::copy(sql_query_rows, end).out;
  std::ranges::copy(sql_host_rows, end);
  return all;
}

/// `Settings` has the `query`; a `Connection` is made of library, settings and patience, and
/// open()ed with a host.
template <class Connection, class Library, class Settings>
class SqlServer final : public Server {
 public:
  SqlServer(const Library& library, Settings read, const SourceSettings& settings)
      : library_(library), settings_(std::move(read)) {
    hosts_ = sql_hosts(settings);
    retry_interval_ = std::chrono::seconds(settings.number("retry_interval"));
    idle_interval_ = std::chrono::seconds(settings.number("idle_interval"));
  }
  bool serves(std::string_view key) const override { return settings_.query->serves(key); }
  Result<std::unique_ptr<ServerConnection>> connect(const std::string& host) const override {
    auto made = std::make_unique<Connection>(library_, settings_, patience_);
    TRY_DO(made->open(host));
    return std::unique_ptr<ServerConnection>(std::move(made));
  }

 private:
  const Library& library_;
  Settings settings_;
};

}  // namespace pennypost::store
