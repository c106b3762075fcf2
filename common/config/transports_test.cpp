#include "common/config/transports.h"

#include <doctest/doctest.h>

#include "common/config/config.h"
#include "common/config/tables.h"
#include "common/config/testing.h"

using namespace pennypost;

namespace {

constexpr std::string_view sections = R"(
relayhost = "[relay.example.com]"
smtp_helo_timeout = "40s"
recipient_delimiter = "+"
default_transport = "patient:"

[transport.patient]
kind = "smtp"
smtp_connect_timeout = "2m"
smtp_tls_policy_maps = "inline:{a=b}"
destination_concurrency_limit = 2
initial_destination_concurrency = 1

[transport.filer]
kind = "pipe"
user = "vmail:mail"
flags = "DRhu"
argv = "/bin/filer -f ${sender} -- {two words} $recipient"
size = "10k"
time_limit = "5m"
eol = '\r\n'
null_sender = ""

[service.second]
kind = "submission"
port = 10587
inet_interfaces = "127.0.0.1"
smtpd_timeout = "7s"

[service.back]
kind = "smtp"
port = 10025
inet_interfaces = ["127.0.0.1"]
smtpd_sender_restrictions = "check_sender_access inline:{x=OK}"
)";

LoadOptions on_a_host(std::vector<std::string> overrides = {}) {
  LoadOptions options;
  options.overrides = std::move(overrides);
  options.system = System{"mail.example.com", true, {{"192.0.2.7", 24}}};
  return options;
}

std::string problem(std::string_view toml) {
  auto config = Config::parse(toml, on_a_host());
  return config ? "" : config.error().text();
}

void check_values(const Config& config) {
  const Settings& patient = config.of_transport("patient");
  CHECK(patient.smtp_connect_timeout == std::chrono::seconds(120));
  CHECK(patient.smtp_helo_timeout == std::chrono::seconds(40));
  CHECK(patient.default_destination_concurrency_limit.value() == 2);
  CHECK(patient.initial_destination_concurrency == 1);
  CHECK(config.smtp_connect_timeout == std::chrono::seconds(30));
  CHECK(&config.of_transport("smtp") == static_cast<const Settings*>(&config));
  CHECK(config.as_transport("patient")->smtp_connect_timeout == std::chrono::seconds(120));
  CHECK(config.is_transport("filer"));
  CHECK(config.is_transport("relay"));
  CHECK_FALSE(config.is_transport("pipe"));

  const OwnTransport* filer = config.find_transport("filer");
  REQUIRE(filer != nullptr);
  CHECK(filer->kind == TransportKind::Pipe);
  const PipeCommand& pipe = filer->pipe;
  CHECK(pipe.arguments ==
        std::vector<std::string>{"/bin/filer", "-f", "${sender}", "--", "two words", "$recipient"});
  CHECK(pipe.user == "vmail");
  CHECK(pipe.group == "mail");
  CHECK(pipe.has('h'));
  CHECK_FALSE(pipe.has('q'));
  CHECK(pipe.line_end == "\r\n");
  CHECK(pipe.null_sender.empty());
  CHECK_FALSE(pipe.message_bytes_max.allows(10241));
  CHECK(pipe.time_limit == std::chrono::seconds(300));

  auto services = config.listening({Service::Smtp, Service::Submission});
  REQUIRE(services.size() == 4);
  CHECK(services[0].name == "smtp");
  CHECK(services[2].name == "back");
  CHECK(services[2].kind == Service::Smtp);
  CHECK(services[2].port == 10025);
  CHECK(services[3].name == "second");
  CHECK(services[3].settings->smtpd_timeout == std::chrono::seconds(7));
  CHECK(services[3].settings->smtpd_sasl_auth_required);
  CHECK_FALSE(services[2].settings->smtpd_sasl_auth_required);
  CHECK(config.find_service("second") == services[3].settings);
  CHECK(config.find_service("third") == nullptr);
}

}  // namespace

TEST_CASE(
    "a section of one's own has the defaults of its kind and its own values, in every process") {
  auto config = Config::parse(sections, on_a_host());
  if (!config) FAIL(config.error().text());
  check_values(**config);
  auto sent = Config::from_text((*config)->to_text());
  if (!sent) FAIL(sent.error().text());
  check_values(**sent);
  std::string tables;
  for (const auto& one : tables_in(**config)) tables += one.table.text() + " ";
  CHECK(tables.find("inline:{a=b}") != std::string::npos);
  CHECK(tables.find("inline:{x=OK}") != std::string::npos);
}

TEST_CASE("-o gives a section of one's own, or goes before it") {
  auto config = Config::parse(
      sections, on_a_host({"transport.patient.smtp_connect_timeout=3s",
                           "transport.gone.kind=discard", "service.back.port=10026"}));
  if (!config) FAIL(config.error().text());
  CHECK((*config)->of_transport("patient").smtp_connect_timeout == std::chrono::seconds(3));
  CHECK((*config)->find_transport("gone")->kind == TransportKind::Discard);
  CHECK((*config)->listening({Service::Smtp})[1].port == 10026);
}

TEST_CASE("a mistake in a section of one's own is named with its line and the remedy") {
  struct Row {
    const char* toml;
    const char* text;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"[transport.x]\nsize = 1", "main.toml:2: [transport.x]: has no kind; write kind = "},
           {"[transport.x]\nkind = \"uucp\"", "main.toml:2: [transport.x]: kind is one of: smtp, "},
           {"[transport.smtp]\nkind = \"smtp\"", "exists already; take another name"},
           {"[transport.\"a b\"]\nkind = \"smtp\"", "a name has letters, digits, - and _ only"},
           {"transport = 1", "unknown setting \"transport\""},
           {"[transport]\nx = 1", "write [transport.x]"},
           {"[transport.x]\nkind = \"smtp\"\nargv = \"/bin/x\"",
            "3: transport.x.argv: is no key of"},
           {"[transport.x]\nkind = \"smtp\"\nsmtp_port = 26", "transport.x.smtp_port: is no key"},
           {"[transport.x]\nkind = \"smtp\"\nmyorigin = \"a.b\"", "is no key of kind smtp"},
           {"[transport.x]\nkind = \"smtp\"\nsmtp_connect_timeout = \"soon\"",
            "main.toml:3: smtp_connect_timeout: "},
           {"[transport.x]\nkind = \"smtp\"\nsmtp_bind_address = \"here\"",
            "main.toml:3: smtp_bind_address: "},
           {"[transport.x]\nkind = \"error\"\nuser = \"vmail\"", "is no key of kind error"},
           {"[transport.x]\nkind = \"pipe\"\nuser = \"vmail\"",
            "transport.x.argv: names no command"},
           {"[transport.x]\nkind = \"pipe\"\nargv = \"/bin/x\"", "transport.x.user: names nobody"},
           {"[transport.x]\nkind = \"pipe\"\nargv = \"/bin/x\"\nuser = \"root\"",
            "4: transport.x.user: the command may not run as root"},
           {"[transport.x]\nkind = \"pipe\"\nargv = \"x\"\nuser = \"v\"",
            "is not an absolute path"},
           {"[transport.x]\nkind = \"pipe\"\nargv = \"/bin/${user}\"\nuser = \"v\"",
            "may not depend on the message"},
           {"[transport.x]\nkind = \"pipe\"\nargv = \"/bin/x ${rcpt}\"\nuser = \"v\"",
            "there is no macro ${rcpt}; there are client_address, "},
           {"[transport.x]\nkind = \"pipe\"\nargv = \"/bin/x ${user\"\nuser = \"v\"",
            "a $ needs a name behind it"},
           {"[transport.x]\nkind = \"pipe\"\nargv = \"/bin/x {a b\"\nuser = \"v\"",
            "braces around an argument do not match"},
           {"[transport.x]\nkind = \"pipe\"\nargv = \"/bin/x\"\nuser = \"v\"\nflags = \"DZ\"",
            "5: transport.x.flags: \"Z\" is no flag of pipe"},
           {"[transport.x]\nkind = \"pipe\"\nargv = \"/bin/x\"\nuser = \"v\"\nchroot = \"/\"",
            "transport.x.chroot: is no key of kind pipe, which takes argv, directory, "},
           {"[service.x]\nport = 1", "unknown service \"x\""},
           {"[service.x]\nkind = \"pop3\"", "kind is one of: smtp, submission, submissions"},
           {"[service.x]\nkind = \"smtp\"", "service.x.port: is missing; write port = 10025"},
           {"[service.x]\nkind = \"smtp\"\nport = 99999", "3: service.x.port: "},
           {"[service.x]\nkind = \"smtp\"\nport = 10025\nmyorigin = \"a.b\"",
            "service.x.myorigin: is no key of kind smtp, which takes port, "},
           {"[service.x]\nkind = \"smtp\"\nport = 25", "25 is the port of smtp, too"},
           {"[service.x]\nkind = \"submissions\"\nport = 4650", "there is no certificate"},
           {"[service.x]\nkind = \"smtp\"\nport = 10025\nsmtpd_relay_restrictions = \"permit\"",
            "open relay"},
           {"content_filter = \"scan:x\"", "content_filter: \"scan\" is no transport; there are "},
           {"defer_transports = \"smtp, uucp\"", "defer_transports: \"uucp\" is no transport"},
           {"smtpd_proxy_filter = \"unix:\"", "smtpd_proxy_filter: \"unix:\" names no socket"},
       }) {
    CAPTURE(row.toml);
    auto text = problem(row.toml);
    CAPTURE(text);
    CHECK(text.find(row.text) != std::string::npos);
  }
}

TEST_CASE("an argv in a list has one argument an item, whatever blanks it has") {
  auto config = Config::parse(
      "[transport.x]\nkind = \"pipe\"\nuser = \"v\"\n"
      "argv = [\"/bin/x\", \"a b\", \"\", \"{c}\", \"d,e\", \"${user}@x\"]\n",
      on_a_host());
  if (!config) FAIL(config.error().text());
  CHECK((*config)->find_transport("x")->pipe.arguments ==
        std::vector<std::string>{"/bin/x", "a b", "", "{c}", "d,e", "${user}@x"});
}

TEST_CASE("Postfix's names of a transport's limits count for a transport of one's own") {
  std::string toml =
      "slow_destination_rate_delay = \"3s\"\nslow_destination_concurrency_limit = 4\n"
      "slow_initial_destination_concurrency = 2\nfiler_time_limit = \"90s\"\n"
      "slow_transport_rate_delay = \"1s\"\n"
      "[transport.slow]\nkind = \"smtp\"\ndestination_concurrency_limit = 5\n"
      "[transport.filer]\nkind = \"pipe\"\nargv = \"/bin/x\"\nuser = \"v\"\n";
  auto config = Config::parse(toml, on_a_host());
  if (!config) FAIL(config.error().text());
  const Settings& slow = (*config)->of_transport("slow");
  CHECK(slow.default_destination_rate_delay == std::chrono::seconds(3));
  CHECK(slow.default_transport_rate_delay == std::chrono::seconds(1));
  CHECK(slow.initial_destination_concurrency == 2);
  CHECK(slow.default_destination_concurrency_limit.value() == 5);  // the section's own
  CHECK((*config)->default_destination_rate_delay == std::chrono::seconds(0));
  CHECK((*config)->find_transport("filer")->pipe.time_limit == std::chrono::seconds(90));
  auto overridden = Config::parse(toml, on_a_host({"slow_destination_concurrency_limit=6"}));
  REQUIRE(overridden);
  CHECK((*overridden)->of_transport("slow").default_destination_concurrency_limit.value() == 6);

  CHECK(problem("slow_destination_rate_delay = \"3s\"\n").find("unknown setting") !=
        std::string::npos);
  for (const char* wrong : {"slow_smtp_helo_name", "slow_time_limit", "slow_kind", "slow_user"}) {
    CAPTURE(wrong);
    std::string text = std::string(wrong) + " = \"3s\"\n[transport.slow]\nkind = \"smtp\"\n";
    CHECK(problem(text).find("unknown setting") != std::string::npos);
  }
  CHECK(problem("slow_destination_rate_delay = \"soon\"\n[transport.slow]\nkind = \"smtp\"\n")
            .find("main.toml:1: ") != std::string::npos);
}
