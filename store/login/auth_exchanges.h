// Holds the SASL exchanges that wait for their client's next response.
//
// An exchange belongs to the process that began it: no other can go on with it or end it. It is
// freed when its client or that process goes, and after a time limit at the latest.
//
// LIMITS  exchanges_max
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/async/loop.h"
#include "common/process/port.h"
#include "common/sasl/server.h"

namespace pennypost::store {

class AuthExchanges {
 public:
  static constexpr std::size_t exchanges_max = 100'000;

  /// A process, and the number that it gave its exchange.
  using Key = std::pair<ProcessNumber, std::uint64_t>;
  struct Exchange {
    std::unique_ptr<ServerExchange> sasl;
    std::string login;       // as the throttle counts it; empty: not known yet
    std::string stored_key;  // for SCRAM, as it was when the exchange began
  };

  bool is_full() const { return open_.size() >= exchanges_max; }
  std::size_t size() const { return open_.size(); }
  void keep(Key key, Exchange exchange, SteadyTime now);
  /// Removes and returns it; nothing if there is none.
  std::optional<Exchange> take(Key key);
  void forget(Key key) { take(key); }
  void forget_all_of(ProcessNumber process);
  /// Forgets those that were kept before `oldest`.
  void forget_old(SteadyTime oldest);

 private:
  struct Entry {
    Exchange exchange;
    SteadyTime since;
    std::list<Key>::iterator position;
  };
  std::map<Key, Entry> open_;
  std::list<Key> by_age_;
};

}  // namespace pennypost::store
