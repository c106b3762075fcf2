#include "common/config/own_service.h"

#include <doctest/doctest.h>

#include "common/config/config.h"
#include "common/config/testing.h"

using namespace pennypost;

namespace {

LoadOptions on_a_host(std::vector<std::string> overrides = {}) {
  LoadOptions options;
  options.overrides = std::move(overrides);
  options.system = System{"mail.example.com", true, {{"192.0.2.7", 24}}};
  return options;
}

ListeningService service_of(const Config& config, std::string_view name) {
  for (const auto& service : config.listening({Service::Smtp})) {
    if (service.name == name) return service;
  }
  FAIL("no such service");
  return {};
}

std::string problem(std::string_view toml) {
  auto config = Config::parse(toml, on_a_host());
  return config ? "" : config.error().text();
}

constexpr std::string_view sections = R"(
content_filter = "smtp:[127.0.0.1]:10024"
smtpd_sasl_auth_enable = true
mailauth_checks = "spf, dkim"

[service.delivery]
kind = "lmtp"
socket = "/run/delivery"
mode = "0660"
user = "vmail"
group = "mail"

[service.far]
kind = "lmtp"
inet_interfaces = "192.0.2.7"

[service.both]
kind = "smtp"
socket = "/run/both"
port = 10025
)";

void check_services(const Config& config) {
  auto delivery = service_of(config, "delivery");
  CHECK(delivery.is_lmtp);
  CHECK(delivery.kind == Service::Smtp);
  CHECK(delivery.port == 0);
  REQUIRE(delivery.socket != nullptr);
  CHECK(delivery.socket->path == "/run/delivery");
  CHECK(delivery.socket->mode == 0660);
  CHECK(delivery.socket->user == "vmail");
  CHECK(delivery.socket->group == "mail");
  CHECK(delivery.settings->content_filter.empty());
  CHECK_FALSE(delivery.settings->smtpd_sasl_auth_enable);
  CHECK(delivery.settings->mailauth_checks.empty());
  CHECK(delivery.settings->smtpd_banner == "mail.example.com LMTP Pennypost");

  auto far = service_of(config, "far");
  CHECK(far.is_lmtp);
  CHECK(far.port == 24);
  CHECK(far.socket == nullptr);
  CHECK(far.settings->inet_interfaces == std::vector<std::string>{"192.0.2.7"});

  auto both = service_of(config, "both");
  CHECK_FALSE(both.is_lmtp);
  CHECK(both.port == 10025);
  REQUIRE(both.socket != nullptr);
  CHECK(both.socket->mode == 0600);
  CHECK(both.settings->content_filter == "smtp:[127.0.0.1]:10024");
}

}  // namespace

TEST_CASE("a service of one's own listens on a port, a socket or both, in every process") {
  auto config = Config::parse(sections, on_a_host());
  if (!config) FAIL(config.error().text());
  check_services(**config);
  auto sent = Config::from_text((*config)->to_text());
  if (!sent) FAIL(sent.error().text());
  check_services(**sent);
}

TEST_CASE("an LMTP service listens near and filters nothing unless its own section says so") {
  auto config = Config::parse("[service.x]\nkind = \"lmtp\"\ncontent_filter = \"smtp:[::1]:9\"",
                              on_a_host({"service.x.smtpd_banner=$myhostname hello"}));
  if (!config) FAIL(config.error().text());
  auto service = service_of(**config, "x");
  CHECK(service.settings->inet_interfaces == std::vector<std::string>{"localhost"});
  CHECK(service.settings->content_filter == "smtp:[::1]:9");
  CHECK(service.settings->smtpd_banner == service.settings->myhostname + " hello");
}

TEST_CASE("a mistake in where a service listens is named with its line and the remedy") {
  struct Row {
    const char* toml;
    const char* text;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"kind = \"smtp\"", "service.x.port: is missing; write port = 10025, or socket = "},
           {"kind = \"lmtp\"\nport = 25", "main.toml:3: service.x.port: 25 is the port of SMTP"},
           {"kind = \"smtp\"\nsocket = \"run/x\"", "\"run/x\" is no path; write /path/name"},
           {"kind = \"smtp\"\nsocket = \"/run/\"", "\"/run/\" is no path; write /path/name"},
           {"kind = \"lmtp\"\nsocket = \"/x\"\nmode = \"660\"",
            "main.toml:4: service.x.mode: is no"},
           {"kind = \"lmtp\"\nsocket = \"/x\"\nmode = \"0680\"", "write it as for chmod: mode = "},
           {"kind = \"lmtp\"\nsocket = \"/x\"\nmode = 0o660", "write it as for chmod: mode = "},
           {"kind = \"lmtp\"\nuser = \"vmail\"", "service.x.user: is of a socket; write socket = "},
           {"kind = \"lmtp\"\nsmtpd_proxy_filter = \"127.0.0.1:9\"", "LMTP one for each recipient"},
           {"kind = \"lmtp\"\nargv = \"x\"", "port, socket, mode, user, group, and the settings"},
           {"kind = \"smtp\"\nsocket = \"/x\"\n[service.y]\nkind = \"lmtp\"\nsocket = \"/x\"",
            "main.toml:6: service.y.socket: /x is the socket of x, too"},
       }) {
    CAPTURE(row.toml);
    auto text = problem(std::string("[service.x]\n") + row.toml);
    CHECK_MESSAGE(text.find(row.text) != std::string::npos, text);
  }
  auto long_path = "[service.x]\nkind = \"lmtp\"\nsocket = \"/" + std::string(107, 'x') + "\"";
  CHECK(problem(long_path).find("too long for the path of a socket") != std::string::npos);
}
