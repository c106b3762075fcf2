#include "smtpd/commands/doctor_outside.h"

#include <algorithm>
#include <array>

#include "common/base/text.h"
#include "common/dns/connect_server.h"
#include "common/net/connection.h"
#include "common/net/disconnected.h"
#include "smtpd/routing/next_hop.h"

namespace pennypost::smtp {
namespace {

constexpr const char* stranger = "192.0.2.1";
constexpr std::size_t greeting_bytes_max = 512;  // RFC 5321 section 4.5.3.1.5

/// Addresses elsewhere, plain and in the forms that old servers took apart; `@` stands for ours.
std::vector<std::string> foreign_recipients(const std::string& domain) {
  return {"relaytest@example.net",
          "relaytest%example.net@" + domain,
          "example.net!relaytest@" + domain,
          "\"relaytest@example.net\"@" + domain,
          "\"relaytest%example.net\"@" + domain,
          "relaytest@example.net@" + domain,
          "relaytest%example.net"};
}

Task<Result<std::string>> greeting_of(Loop& loop, Resolver& resolver, ServerRef server) {
  auto connecting = connect_server(loop, resolver, std::move(server), "/", doctor_connect_time_max);
  CO_TRY(auto stream, co_await std::move(connecting));
  Connection connection(loop, std::move(stream), doctor_connect_time_max);
  std::string problem;
  try {
    Line line = co_await connection.line(greeting_bytes_max);
    std::string text(line.text);
    connection.put("QUIT\r\n");
    co_await connection.flush();
    co_return text;
  } catch (const Disconnected& gone) {
    problem = gone.what();
  }
  co_return Error::temporary(problem);
}

struct Destination {
  std::string name;  // as the finding says it
  std::vector<ServerRef> servers;
};

ServerRef server_at(const std::string& host, std::uint16_t port) {
  ServerRef server;
  server.host = host;
  server.port = port;
  return server;
}

/// The hosts that get the mail of this one for `domain`.
Destination way_to(OfflineLookup& lookup, const std::string& domain) {
  Destination destination{domain, {}};
  const std::string relayhost = lookup.config().text("relayhost");
  std::string name = domain;
  std::uint16_t port = lookup.config().smtp_target_port;
  if (!relayhost.empty()) {
    destination.name = "the relayhost " + relayhost;
    auto hop = NextHop::parse(relayhost);
    if (!hop) return destination;
    name = hop->host;
    if (hop->port != 0) port = hop->port;
    if (!hop->looks_up_mx) {
      destination.servers.push_back(server_at(name, port));
      return destination;
    }
  }
  auto mx = lookup.loop().run_until(lookup.resolver().mx(name));
  std::ranges::sort(mx.values, {}, &MxRecord::preference);
  for (const auto& one : mx.values) {
    if (!one.host.empty()) destination.servers.push_back(server_at(one.host, port));
  }
  if (mx.values.empty() && mx.status != DnsStatus::TryLater) {
    destination.servers.push_back(server_at(name, port));
  }
  return destination;
}

}  // namespace

Findings check_relaying(OfflineLookup& lookup) {
  if (lookup.config().role == Role::NullClient) return {};
  auto client = IpAddress::parse(stranger);
  CheckRecipient request;
  request.service = "smtp";
  request.client_address = client->text();
  request.client_name = request.reverse_name = "unknown";
  request.helo = "stranger.example.com";
  request.sender = "stranger@example.com";
  request.recipients = 1;
  Findings findings;
  for (const auto& recipient : foreign_recipients(lookup.config().text("mydomain"))) {
    request.recipient = recipient;
    auto verdict = lookup.check(request);
    if (verdict.code >= 400) continue;
    findings.push_back({Level::Problem, "relaying",
                        "a stranger may send mail to <" + recipient +
                            ">: " + std::to_string(verdict.code) + " " + verdict.text,
                        "within hours it carries the world's spam, and is on every block list",
                        "pennypost route --client " + std::string(stranger) + " '" + recipient +
                            "' shows which setting permits it"});
  }
  if (findings.empty()) {
    findings.push_back({Level::Good, "relaying", "strangers can't send mail elsewhere", "", ""});
  }
  return findings;
}

Findings check_way_out(OfflineLookup& lookup, const std::string& probe) {
  Destination destination = way_to(lookup, probe);
  std::string problem = destination.servers.empty() ? "DNS names no host" : "";
  for (auto& server : destination.servers) {
    const std::string host = server.host + ":" + std::to_string(server.port);
    auto greeting =
        lookup.loop().run_until(greeting_of(lookup.loop(), lookup.resolver(), std::move(server)));
    if (greeting && greeting->starts_with("220")) {
      return {{Level::Good, "way out", destination.name + " greets us (" + host + ")", "", ""}};
    }
    problem = host + ": " + (greeting ? printable(*greeting, 200) : greeting.error().text());
  }
  const bool has_relayhost = !lookup.config().text("relayhost").empty();
  return {{has_relayhost ? Level::Problem : Level::Warning, "way out",
           "no mail gets out to " + destination.name + ": " + problem,
           "mail waits in the queue and is returned in the end",
           has_relayhost
               ? "see that the relayhost runs and lets this host in"
               : "many providers close port 25; ask yours to open it, or set a relayhost"}};
}

}  // namespace pennypost::smtp
