#include "store/login/auth_exchanges.h"

#include <doctest/doctest.h>

using namespace pennypost;
using namespace pennypost::store;
using namespace std::chrono_literals;

namespace {

AuthExchanges::Key key(std::uint64_t process, std::uint64_t exchange) {
  return {ProcessNumber(process), exchange};
}

AuthExchanges::Exchange exchange_of(std::string login) {
  AuthExchanges::Exchange exchange;
  exchange.login = std::move(login);
  return exchange;
}

}  // namespace

TEST_CASE("an exchange can be gone on with once, by the process that began it") {
  AuthExchanges exchanges;
  exchanges.keep(key(7, 1), exchange_of("bob"), {});
  CHECK_FALSE(exchanges.take(key(8, 1)));
  CHECK_FALSE(exchanges.take(key(7, 2)));
  CHECK(exchanges.take(key(7, 1))->login == "bob");
  CHECK_FALSE(exchanges.take(key(7, 1)));
}

TEST_CASE("exchanges are freed with their client, with their process, and with time") {
  AuthExchanges exchanges;
  SteadyTime begin{};
  for (std::uint64_t process : {7u, 8u, 9u}) {
    for (std::uint64_t number : {1u, 2u}) {
      exchanges.keep(key(process, number), exchange_of("bob"), begin + number * 1s);
    }
  }
  exchanges.forget(key(7, 2));
  CHECK(exchanges.size() == 5);
  exchanges.forget_all_of(ProcessNumber(8));
  CHECK(exchanges.size() == 3);
  exchanges.forget_old(begin + 2s);
  CHECK(exchanges.size() == 1);
  CHECK(exchanges.take(key(9, 2)));
}
