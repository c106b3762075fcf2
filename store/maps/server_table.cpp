#include "store/maps/server_table.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "common/async/inquiry.h"
#include "common/base/text.h"
#include "common/config/kinds.h"
#include "common/config/tables.h"
#include "common/mail/idn.h"
#include "common/mail/unicode.h"
#include "store/maps/keyed_map.h"
#include "store/maps/reloading.h"
#include "store/maps/source.h"

namespace pennypost::store {
namespace {

using Value = Result<std::optional<std::string>>;
using Clocks = std::chrono::steady_clock;

const std::optional<std::string> absent;

/// The setting `domain`: which domains' addresses are asked for.
class DomainFilter {
 public:
  static Result<DomainFilter> parse(const SourceSettings& settings, const MapOptions& options) {
    DomainFilter filter;
    auto items = list_items(settings.text("domain"));
    if (!items) return settings.wrong("domain", items.error().text());
    for (std::string item : *items) {
      Item made;
      made.is_excluded = item.starts_with('!');
      if (made.is_excluded) item.erase(0, 1);
      if (TableRef::is_table(item)) {
        auto table = table_of_item(item);
        if (!table) return settings.wrong("domain", table.error().text());
        auto map = MapList::open({*table}, options);
        if (!map) return settings.wrong("domain", map.error().text());
        made.table = *std::move(map);
      } else {
        made.name = folded_key_of_table(item);
      }
      filter.items_.push_back(std::move(made));
    }
    return filter;
  }

  /// Also false for a key that is no address, where there is a filter.
  Result<bool> passes(std::string_view key) const {
    if (items_.empty()) return true;
    auto at = key.rfind('@');
    if (at == key.npos || at == 0) return false;
    auto domain = key.substr(at + 1);
    for (const auto& item : items_) {
      bool is_it = !item.name.empty() && item.name == domain;
      if (!item.table.empty()) {
        TRY(auto found, item.table.lookup(domain));
        is_it = found.has_value();
      }
      if (is_it) return !item.is_excluded;
    }
    return false;
  }

 private:
  struct Item {
    bool is_excluded = false;
    std::string name;
    MapList table;
  };
  std::vector<Item> items_;
};

/// Which hosts could not be reached lately.
class HostsDown {
 public:
  /// `hosts`, those that are down last.
  std::vector<std::string> in_order(const std::vector<std::string>& hosts) const {
    auto ordered = hosts;
    std::lock_guard lock(mutex_);
    auto now = Clocks::now();
    std::stable_partition(ordered.begin(), ordered.end(), [&](const std::string& host) {
      auto found = until_.find(host);
      return found == until_.end() || found->second <= now;
    });
    return ordered;
  }
  void note(const std::string& host, std::optional<std::chrono::seconds> down_for) {
    std::lock_guard lock(mutex_);
    until_.erase(host);
    if (down_for) until_.emplace(host, Clocks::now() + *down_for);
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Clocks::time_point> until_;
};

/// Tells of what fails once, and of the first answer after it.
class Failures {
 public:
  Failures(std::string name, std::function<void(const std::string&)> tell)
      : name_(std::move(name)), tell_(std::move(tell)) {}
  void note(const std::string& problem) {
    {
      std::lock_guard lock(mutex_);
      if (std::exchange(last_, problem) == problem) return;
    }
    if (tell_) tell_(name_ + ": " + (problem.empty() ? "answers again" : problem));
  }

 private:
  std::string name_;
  std::function<void(const std::string&)> tell_;
  std::mutex mutex_;
  std::string last_;
};

/// What one reading of the settings gives: a server, the connections to it, the threads for it.
class Client {
 public:
  using Connection = std::unique_ptr<ServerConnection>;
  struct Parts {
    std::shared_ptr<const Server> server;
    DomainFilter domains;
    KeyTemplate form;
    std::uint64_t values_most = 0;
  };

  Client(const std::string& name, Parts parts, const MapOptions& options)
      : name_(name),
        parts_(std::move(parts)),
        failures_(name, options.on_problem),
        source_(name, limits(*parts_.server), options.on_problem) {}

  Result<bool> asks_for(std::string_view key) const {
    if (!parts_.server->serves(key) || !parts_.form.serves(key)) return false;
    return parts_.domains.passes(key);
  }
  SlowSource& source() const { return source_; }

  /// On a thread of source().
  Value lookup(const std::string& key) const {
    FoundValues found(parts_.form, key, parts_.values_most);
    auto asked = ask(key, found);
    failures_.note(asked ? "" : asked.error().text());
    if (!asked) return Error::temporary("4.3.0", name_ + ": " + asked.error().text());
    return found.text();
  }

 private:
  static SlowSource::Limits limits(const Server& server) {
    SlowSource::Limits these;
    these.threads = server_threads;
    these.deadline = 2 * server.patience();  // connecting, asking
    return these;
  }

  Result<void> ask(const std::string& key, FoundValues& found) const {
    if (auto kept = take()) {
      auto answer = kept->ask(key, found);
      bool is_closed = kept->state() == ServerConnection::State::Closed;
      give_back(std::move(kept));
      if (!is_closed) return answer;
    }
    TRY(auto fresh, connect());
    auto answer = fresh->ask(key, found);
    give_back(std::move(fresh));
    return answer;
  }

  Result<Connection> connect() const {
    std::string problems;
    for (const auto& host : down_.in_order(parts_.server->hosts())) {
      auto connection = parts_.server->connect(host);
      down_.note(host, connection ? std::nullopt : std::optional(parts_.server->retry_interval()));
      if (connection) return connection;
      problems += (problems.empty() ? "" : "; ") + connection.error().text();
    }
    return Error::temporary(problems);
  }

  struct Kept {
    Connection connection;
    Clocks::time_point since;
  };
  Connection take() const {
    std::vector<Kept> too_old;  // closed without the lock
    std::lock_guard lock(mutex_);
    auto oldest = Clocks::now() - parts_.server->idle_interval();
    auto first_good =
        std::ranges::find_if(connections_, [&](const Kept& kept) { return kept.since >= oldest; });
    std::move(connections_.begin(), first_good, std::back_inserter(too_old));
    connections_.erase(connections_.begin(), first_good);
    if (connections_.empty()) return nullptr;
    auto newest = std::move(connections_.back().connection);
    connections_.pop_back();
    return newest;
  }
  void give_back(Connection connection) const {
    if (connection->state() != ServerConnection::State::Good) return;
    std::lock_guard lock(mutex_);
    connections_.push_back({std::move(connection), Clocks::now()});
  }

  std::string name_;
  Parts parts_;
  mutable HostsDown down_;
  mutable Failures failures_;
  mutable std::mutex mutex_;
  mutable std::vector<Kept> connections_;  // that nobody uses, by age
  mutable SlowSource source_;
};

Result<KeyTemplate> form_of(const SourceSettings& settings) {
  auto form = KeyTemplate::parse(settings.text("result_format"), KeyTemplate::Of::Value);
  if (!form) return settings.wrong("result_format", form.error().text());
  return form;
}

using Clients = Reloading<Client>;

std::shared_ptr<Clients> clients_of(const std::string& name, const std::string& file,
                                    const MapOptions& options, std::span<const SourceSetting> rows,
                                    MakeServer make) {
  return std::make_shared<Clients>(
      options, [file] { return file_stamp(file); },
      [name, file, options, rows, make]() -> Result<std::shared_ptr<const Client>> {
        TRY(auto text, read_source(file));
        TRY(auto settings, SourceSettings::parse(text, file, rows));
        Client::Parts parts;
        TRY(parts.server, make(settings));
        TRY(parts.domains, DomainFilter::parse(settings, options));
        TRY(parts.form, form_of(settings));
        parts.values_most = settings.number("expansion_limit");
        return std::make_shared<const Client>(name, std::move(parts), options);
      });
}

class ServerMap final : public KeyedMap {
 public:
  ServerMap(std::string name, std::shared_ptr<const Clients> clients)
      : KeyedMap(std::move(name)), clients_(std::move(clients)) {}

  Value find(std::string_view key) const override {
    TRY(auto client, clients_->content());
    std::string folded = folded_key_of_table(key);
    bool is_possible = folded.size() <= server_key_bytes_max && is_utf8(folded) &&
                       folded.find('\0') == folded.npos;
    if (!is_possible) return absent;
    TRY(bool is_asked_for, client->asks_for(folded));
    if (!is_asked_for) return absent;
    return Inquiry::ask<std::optional<std::string>>(
        client->source(), folded, [client, folded] { return client->lookup(folded); });
  }
  Result<void> ready() const override {
    TRY_DO(clients_->content());
    return {};
  }

 private:
  std::shared_ptr<const Clients> clients_;
};

}  // namespace

Result<void> FoundValues::add(std::string_view value) {
  auto text = form_.for_value(value, key_);
  if (!text) return {};
  ++count_;
  if (most_ > 0 && count_ > most_) {
    return Error::temporary("more than " + std::to_string(most_) +
                            " values (expansion_limit) for " + printable(key_, 100));
  }
  if (count_ > server_values_max || text_.size() + text->size() > map_value_bytes_max) {
    return Error::temporary("too many values for " + printable(key_, 100));
  }
  if (count_ > 1) text_ += ',';
  text_ += *text;
  return {};
}

std::optional<std::string> FoundValues::text() const {
  return count_ == 0 ? absent : std::optional(text_);
}

OpenedMap open_server_table(const TableRef& table, const MapOptions& options,
                            std::span<const SourceSetting> rows, MakeServer make) {
  auto open = [&] { return clients_of(table.text(), table.name, options, rows, make); };
  auto clients =
      options.server_tables ? options.server_tables->get<Clients>(table.text(), open) : open();
  return std::unique_ptr<Map>(std::make_unique<ServerMap>(table.text(), std::move(clients)));
}

}  // namespace pennypost::store
