#include "smtpd/commands/route.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

using namespace pennypost::smtp;

namespace {

class Host {
 public:
  explicit Host(const std::string& more = "") {
    REQUIRE(mkdtemp(directory_.data()) != nullptr);
    write(
        "main.toml",
        "role = \"relay\"\nmyhostname = \"mx.example\"\nmydomain = \"example\"\n"
        "mydestination = \"example, mx.example\"\nrelay_domains = \"inner.example\"\n"
        "virtual_mail_owner = \"nobody\"\nauth_user = \"nobody\"\nsmtpd_peername_lookup = \"no\"\n"
        "mynetworks = \"127.0.0.0/8\"\nalias_maps = \"texthash:" +
            directory_ + "/aliases\"\ntransport_maps = \"texthash:" + directory_ +
            "/transport\"\nsystem_users = \"no\"\n" + more);
    write("aliases",
          "# people\nsales bob@far.example, carol@inner.example\nloop loop2\nloop2 loop\n");
    write("transport", "inner.example smtp:[10.0.0.5]\n");
  }
  ~Host() { std::filesystem::remove_all(directory_); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ + "/" + name) << text;
  }
  int run(std::vector<std::string> args) {
    args.insert(args.begin(), {"-c", directory_});
    std::ostringstream out;
    std::ostringstream err;
    int status = route(args, out, err);
    out_ = out.str();
    err_ = err.str();
    return status;
  }
  bool says(const std::string& text) const { return out_.find(text) != std::string::npos; }
  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_ = "/tmp/unit-route-XXXXXX";
  std::string out_;
  std::string err_;
};

}  // namespace

TEST_CASE("route tells each step with the line of the table that decides") {
  Host host;
  CHECK(host.run({"sales@example"}) == 0);
  CAPTURE(host.out());
  CHECK(host.says("sales@example\n  example is final here (mydestination)"));
  CHECK(
      host.says(host.directory() + "/aliases:2: sales is bob@far.example, carol@inner.example\n"));
  CHECK(host.says("  bob@far.example\n"));
  CHECK(host.says("is sent to far.example"));
  CHECK(host.says(host.directory() + "/transport:1: inner.example is smtp:[10.0.0.5]\n"));
  CHECK(host.says("is sent to [10.0.0.5]"));
}

TEST_CASE("route ends in a circle of aliases, and tells what is returned") {
  Host host;
  CHECK(host.run({"loop@example"}) == 1);
  CHECK(host.run({"nobody-here@example"}) == 1);
  CHECK(host.says("is returned: 5.1.1"));
}

TEST_CASE("route tells what a client is told, and which restriction says it") {
  Host host("smtpd_recipient_restrictions = \"check_client_access cidr:" +
            std::string("/tmp/none") + "\"\n");
  CHECK(host.run({"--client", "192.0.2.9", "--helo", "h.example", "--from", "a@b.example",
                  "x@far.example"}) == 1);
  CAPTURE(host.out());
  CHECK(host.says("RCPT from unknown[192.0.2.9]:\n"));
  CHECK(host.says("permit_mynetworks: leaves it to the next\n"));
  CHECK(host.says("Relay access denied"));
  CHECK_FALSE(host.says("is sent to"));
  Host own;
  CHECK(own.run({"--client", "127.0.0.1", "x@far.example"}) == 0);
  CHECK(own.says("which is in mynetworks:\n"));
  CHECK(own.says("permit_mynetworks: permits\n"));
  CHECK(own.says("is sent to far.example"));
}

TEST_CASE("route names the line of a network or a pattern") {
  Host host;
  host.write("clients", "10.0.0.0/8 OK\n192.0.2.0/24 REJECT no mail from there\n");
  host.write("patterns", "# senders\n/^spam@/ REJECT spam\n");
  host.write("main.toml",
             "role = \"relay\"\nmyhostname = \"mx.example\"\nsystem_users = \"no\"\n"
             "virtual_mail_owner = \"nobody\"\nauth_user = \"nobody\"\n"
             "smtpd_peername_lookup = \"no\"\nalias_maps = \"inline:{a=b}\"\n"
             "smtpd_client_restrictions = \"check_client_access cidr:" +
                 host.directory() +
                 "/clients\"\nsmtpd_sender_restrictions = "
                 "\"check_sender_access pcre:" +
                 host.directory() + "/patterns\"\n");
  CHECK(host.run({"--client", "192.0.2.9", "postmaster@mx.example"}) == 1);
  CAPTURE(host.out());
  CHECK(host.says(host.directory() + "/clients:2 matches\n"));
  CHECK(host.says("no mail from there"));
  CHECK(host.run({"--client", "198.51.100.1", "--from", "spam@x.example", "a@mx.example"}) == 1);
  CHECK(host.says(host.directory() + "/patterns:2 matches\n"));
}

TEST_CASE("route refuses what is no call") {
  Host host;
  CHECK(host.run({}) == 64);
  CHECK(host.run({"a@b", "c@d"}) == 64);
  CHECK(host.run({"--client", "far", "a@b"}) == 64);
  CHECK(host.err() == "pennypost route: \"far\" is no IP address\n");
  CHECK(host.run({"--client", "192.0.2.1", "--service", "none", "a@b"}) == 64);
}
