#include "smtpd/commands/setup_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "smtpd/commands/dns_records.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

class Directory {
 public:
  Directory() { REQUIRE(mkdtemp(path_.data()) != nullptr); }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  void write(const std::string& text) const { std::ofstream(path_ + "/main.toml") << text; }
  const std::string& path() const { return path_; }
  LoadOptions options() const {
    LoadOptions options;
    options.directory = path_;
    options.system = System{"mx.example.org", true, {}};
    return options;
  }

 private:
  std::string path_ = "/tmp/unit-setup-XXXXXX";
};

SetupAnswers destination() {
  SetupAnswers answers;
  answers.role = "destination";
  answers.hostname = "mx.example.org";
  answers.domain = "example.org";
  return answers;
}

bool holds(const std::vector<std::string>& all, const std::string& one) {
  return std::ranges::find(all, one) != all.end();
}

std::vector<std::string> texts(const std::vector<DnsRecord>& records) {
  std::vector<std::string> all;
  for (const auto& record : records) all.push_back(record.text());
  return all;
}

}  // namespace

TEST_CASE("a new host's plan has what was answered, and the ports that it opens") {
  Directory directory;
  auto answers = destination();
  answers.certificate = directory.path() + "/tls/mx.crt";
  answers.key = directory.path() + "/tls/mx.key";
  answers.settings = {"smtp_port = 2525"};
  auto plan = plan_setup(answers, directory.options());
  if (!plan) FAIL(plan.error().text());
  CHECK(plan->before.empty());
  CHECK(plan->makes_certificate);
  CHECK(plan->config->text("role") == "destination");
  CHECK(plan->config->text("ssl_cert") == answers.certificate);
  CHECK(plan->after.find("smtp_port = 2525\n") != std::string::npos);
  CHECK(holds(plan->changes, "opens port 2525 (smtp)"));
  CHECK(holds(plan->changes, "opens port 993 (imaps)"));
}

TEST_CASE("what is so already is no change") {
  Directory directory;
  auto first = plan_setup(destination(), directory.options());
  REQUIRE(first);
  directory.write("# ours\n" + first->after);
  auto second = plan_setup(destination(), directory.options());
  REQUIRE(second);
  CHECK_FALSE(second->is_change());
  CHECK(second->changes.empty());
}

TEST_CASE("a null client that becomes a relay is told which ports open and which paths move") {
  Directory directory;
  directory.write("role = \"null-client\"\nrelayhost = \"[smtp.example.org]\"\n");
  auto answers = destination();
  answers.role = "relay";
  answers.settings = {"queue_directory=/srv/queue"};
  auto plan = plan_setup(answers, directory.options());
  if (!plan) FAIL(plan.error().text());
  CHECK(holds(plan->changes, "opens port 587 (submission)"));
  CHECK(holds(plan->changes, "inet_interfaces was loopback-only and becomes all"));
  CHECK(holds(plan->changes, "queue_directory was /var/spool/pennypost and becomes /srv/queue"));
  answers.role = "null-client";
  answers.settings.clear();
  directory.write(plan->after);
  auto back = plan_setup(answers, directory.options());
  if (!back) FAIL(back.error().text());
  CHECK(holds(back->changes, "closes port 587 (submission)"));
}

TEST_CASE("answers that make no configuration are refused with each mistake") {
  Directory directory;
  auto answers = destination();
  answers.role = "mailserver";
  auto plan = plan_setup(answers, directory.options());
  REQUIRE_FALSE(plan);
  CHECK(plan.error().text().find("role") != std::string::npos);
  answers.role = "null-client";
  plan = plan_setup(answers, directory.options());
  REQUIRE_FALSE(plan);
  CHECK(plan.error().text().find("relayhost") != std::string::npos);
  answers = destination();
  answers.settings = {"relay_host=x"};
  plan = plan_setup(answers, directory.options());
  REQUIRE_FALSE(plan);
  CHECK(plan.error().text().find("did you mean relayhost?") != std::string::npos);
}

TEST_CASE("a destination's DNS records name its mail host, its policies and its services") {
  Directory directory;
  auto answers = destination();
  answers.settings = {"relayhost=[smtp.isp.example]:587"};
  auto plan = plan_setup(answers, directory.options());
  if (!plan) FAIL(plan.error().text());
  auto records = texts(dns_records(*plan->config, {"192.0.2.7", "2001:db8::7"}));
  auto has = [&](const std::string& name, const std::string& type, const std::string& value) {
    return std::ranges::any_of(records, [&](const std::string& record) {
      return record.starts_with(name + " ") && record.ends_with(value) &&
             record.find(" " + type + " ") != std::string::npos;
    });
  };
  CHECK(has("mx.example.org.", "A", "192.0.2.7"));
  CHECK(has("mx.example.org.", "AAAA", "2001:db8::7"));
  CHECK(has("7.2.0.192.in-addr.arpa.", "PTR", "mx.example.org."));
  CHECK(has("example.org.", "MX", "10 mx.example.org."));
  CHECK(has("example.org.", "TXT", "\"v=spf1 mx a:mx.example.org a:smtp.isp.example -all\""));
  CHECK(has("_dmarc.example.org.", "TXT", "rua=mailto:postmaster@example.org\""));
  CHECK(has("_smtp._tls.example.org.", "TXT", "v=TLSRPTv1; rua=mailto:postmaster@example.org\""));
  CHECK(has("_submission._tcp.example.org.", "SRV", "0 1 587 mx.example.org."));
  // Without a certificate there is no port with implicit TLS.
  CHECK(has("_imaps._tcp.example.org.", "SRV", "0 0 0 ."));
}

TEST_CASE("a domain's DNS records ask for reports to report_recipient") {
  Directory directory;
  for (const auto& [setting, address] :
       {std::pair("dmarc", "dmarc@example.org"), std::pair("d@hub.test", "d@hub.test")}) {
    auto answers = destination();
    answers.settings = {std::string("report_recipient=") + setting};
    auto plan = plan_setup(answers, directory.options());
    if (!plan) FAIL(plan.error().text());
    int found = 0;
    for (const auto& record : texts(dns_records(*plan->config, {"192.0.2.7"}))) {
      if (record.ends_with(std::string("rua=mailto:") + address + "\"")) ++found;
    }
    CHECK(found == 2);
  }
}
