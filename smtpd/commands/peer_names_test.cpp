#include "smtpd/commands/peer_names.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "common/crypto/password.h"

using namespace pennypost::smtp;
using pennypost::Secret;

namespace {

using Words = std::vector<std::string>;

/// A configuration directory whose log is a file, and commands run on it.
class Host {
 public:
  Host() {
    REQUIRE(mkdtemp(directory_.data()) != nullptr);
    std::ofstream(directory_ + "/main.toml")
        << "role = \"relay\"\nmyhostname = \"mx.example\"\nmaillog_file = \"" << log()
        << "\"\nvirtual_mail_owner = \"nobody\"\nauth_user = \"nobody\"\nbase_dir = \""
        << directory_ << "/run\"\n";
  }
  ~Host() { std::filesystem::remove_all(directory_); }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  template <class Command>
  int run(Command command, Words args) {
    args.insert(args.begin(), {"-c", directory_});
    std::ostringstream out;
    std::ostringstream err;
    int status = command(args, out, err);
    out_ = out.str();
    err_ = err.str();
    return status;
  }
  std::string log() const { return directory_ + "/log"; }
  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }

 private:
  std::string directory_ = "/tmp/unit-peer-names-XXXXXX";
  std::string out_;
  std::string err_;
};

}  // namespace

TEST_CASE("postfix runs our command of the same meaning, and names ours where there is none") {
  Host host;
  CHECK(host.run(postfix, {"status"}) == 3);
  CHECK(host.out() == "smtpd: does not run\n");
  CHECK(host.run(postfix, {"stop"}) == 0);
  CHECK(host.out() == "smtpd: does not run\n");
  CHECK(host.run(postfix, {"abort"}) == 0);
  CHECK(host.run(postfix, {"set-permissions"}) == 64);
  CHECK(host.err().starts_with("postfix set-permissions: pennypost check names what is wrong"));
  CHECK(host.run(postfix, {"dance"}) == 64);
  CHECK(host.err().starts_with("postfix: unknown command \"dance\"\nusage: postfix"));
  CHECK(host.run(postfix, {}) == 64);
  CHECK(host.run(postfix, {"status", "now"}) == 64);
  CHECK(host.run(postfix, {"flush"}) == 69);
}

TEST_CASE("postlog writes to our log, each line with its priority and tag") {
  Host host;
  CHECK(host.run(postlog, {"-t", "backup", "-p", "warn", "disk", "is", "full\n"}) == 0);
  std::ifstream stream(host.log());
  std::string line;
  REQUIRE(std::getline(stream, line));
  CHECK(line.find(" backup[") != std::string::npos);
  CHECK(line.substr(line.find("]: ")) == "]: warning: disk is full?");
  CHECK(host.run(postlog, {"-p", "loud", "x"}) == 64);
}

TEST_CASE("doveadm pw makes a password in the form that is asked for, and tells whether one fits") {
  Host host;
  CHECK(host.run(doveadm, {"pw", "-p", "secret"}) == 0);
  std::string stored = host.out().substr(0, host.out().size() - 1);
  CHECK(*pennypost::verify_password(Secret("secret"), stored));
  CHECK(host.run(doveadm, {"pw", "-s", "SHA512-CRYPT", "-p", "secret"}) == 0);
  CHECK(host.out().starts_with("{SHA512-CRYPT}$6$"));
  CHECK(host.run(doveadm, {"pw", "-t", stored, "-p", "secret"}) == 0);
  CHECK(host.out().ends_with(" (verified)\n"));
  CHECK(host.run(doveadm, {"pw", "-t", stored, "-p", "Secret"}) == 1);
  CHECK(host.run(doveadm, {"pw", "-s", "NTLM", "-p", "secret"}) == 1);
  CHECK(host.run(doveadm, {"pw", "secret"}) == 64);
}

TEST_CASE("doveadm shows settings and daemons, and names our command where there is none") {
  Host host;
  CHECK(host.run(doveadm, {"config", "myhostname"}) == 0);
  CHECK(host.out() == "myhostname = mx.example\n");
  CHECK(host.run(doveadm, {"service", "status"}) == 3);
  CHECK(host.run(doveadm, {"log", "find"}) == 64);
  CHECK(host.err() ==
        "doveadm log: maillog_file says where the log is; postfix logrotate opens it again\n");
  CHECK(host.run(doveadm, {"quota", "get"}) == 64);
  CHECK(host.err().starts_with("usage: pennypost quota get|recalc"));
  CHECK(host.run(doveadm, {"user", "nobody@nowhere.example"}) == 1);
  CHECK(host.err() == "doveadm user: nobody@nowhere.example: no such user\n");
}

TEST_CASE("doveconf shows settings and changes none") {
  Host host;
  CHECK(host.run(doveconf, {"-n"}) == 0);
  CHECK(host.out().find("myhostname = mx.example\n") != std::string::npos);
  CHECK(host.out().find("hopcount_limit") == std::string::npos);
  CHECK(host.run(doveconf, {"-h", "role"}) == 0);
  CHECK(host.out() == "relay\n");
  CHECK(host.run(doveconf, {"myhostname=x"}) == 64);
  CHECK(host.err() == "doveconf: changes nothing; postconf -e myhostname=x does\n");
}
