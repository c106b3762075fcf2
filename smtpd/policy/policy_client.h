// Asks policy servers, over connections that are kept for further requests.
//
// A connection serves one request at a time. It is closed when it was idle for max_idle, when it is
// max_ttl old, and after request_limit requests. A kept connection that the server has closed costs
// nothing but a new one. A server that fails is asked try_limit times in all, retry_delay apart.
//
// STANDARDS  Postfix's SMTPD_POLICY_README
// LIMITS     policy_connections_max at once to one server, further requests wait; `timeout` for
//            each connection, request and wait; policy_answer_bytes_max
// SEE ALSO   policy_request.h (what is sent), ../../common/config/policy_service.h (the settings)
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "common/async/loop.h"
#include "common/config/policy_service.h"
#include "common/net/connection.h"

namespace pennypost::smtp {

inline constexpr std::size_t policy_connections_max = 100;
inline constexpr std::size_t policy_answer_bytes_max = 16 * 1024;

class PolicyClient {
 public:
  /// Errors are temporary.
  using Connect =
      std::function<Task<Result<std::unique_ptr<Stream>>>(const ServerRef& to, Duration timeout)>;
  PolicyClient(Loop& loop, Connect connect);

  /// The server's action. Error: why there is none; each failure was logged.
  Task<Result<std::string>> ask(PolicyService service, std::string request);

 private:
  struct Kept {
    Kept(Loop& loop, std::unique_ptr<Stream> stream, const PolicyService& service)
        : connection(loop, std::move(stream), service.timeout),
          ends(loop.now() + service.max_ttl) {}
    Connection connection;
    SteadyTime ends;        // by max_ttl
    SteadyTime idle_until;  // by max_idle, and not beyond `ends`
    std::uint64_t requests = 0;
  };
  struct Server {
    explicit Server(Loop& loop) : changed(loop) {}
    std::list<std::unique_ptr<Kept>> idle;  // those used last at the end
    std::size_t busy = 0;
    Event changed;
  };
  class Place;

  Task<Result<std::string>> try_once(const PolicyService& service, const std::string& request,
                                     Server& server);
  Task<Result<std::unique_ptr<Kept>>> open(const PolicyService& service);
  std::unique_ptr<Kept> take_idle(Server& server);
  void keep(std::unique_ptr<Kept> kept, const PolicyService& service, Server& server);
  Task<Result<std::string>> converse(Kept& kept, const PolicyService& service,
                                     const std::string& request, bool& is_stale);
  void close_idle();

  Loop& loop_;
  Connect connect_;
  std::map<std::string, Server> servers_;  // by name; as many as the settings name
  Timer sweep_;
};

}  // namespace pennypost::smtp
