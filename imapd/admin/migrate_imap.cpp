// Copies an account from another IMAP server: `pennypost migrate imap HOST`.
//
// The password comes from a file, from PENNYPOST_IMAP_PASSWORD, or is asked for; a command line is
// seen by all users of a host. The connection is made, and the login tried, with the rights of the
// caller, so that what is wrong is told before anything is made here.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "common/base/file.h"
#include "common/base/no_echo.h"
#include "common/base/text.h"
#include "imapd/admin/account_copy.h"
#include "imapd/admin/actions.h"

namespace pennypost::imap {
namespace {

constexpr const char* password_variable = "PENNYPOST_IMAP_PASSWORD";
constexpr std::uint64_t password_bytes_max = 4096;
constexpr std::uint16_t imap_port = 143;
constexpr std::uint16_t imaps_port = 993;

Secret first_line(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  if (text.ends_with('\r')) text.pop_back();
  return Secret(std::move(text));
}

Result<Secret> password_of(const std::string& file, const std::string& whom) {
  std::string text;
  if (!file.empty()) {
    TRY(auto found, read_file(file, password_bytes_max));
    if (!found) return Error::permanent(file + ": there is no such file");
    text = *std::move(found);
  } else if (const char* given = std::getenv(password_variable)) {
    text = given;
  } else {
    bool is_terminal = ::isatty(STDIN_FILENO) == 1;
    NoEcho quiet;
    if (is_terminal) std::cerr << "Password of " << whom << ": " << std::flush;
    std::getline(std::cin, text);
    if (is_terminal) std::cerr << "\n";
  }
  auto password = first_line(std::move(text));
  if (password.empty()) return Error::permanent("no password was given for " + whom);
  return password;
}

class MigrateImap final : public AdminAction {
 public:
  static MadeAction make(const AdminCall& call) {
    if (call.is_for_all || call.users.size() != 1) {
      return Error(501, "mail is copied to one user: --to USER");
    }
    if (call.words.size() != 1) return Error(501, "the host of the other server is needed");
    if (call.value("user").empty()) return Error(501, "--user LOGIN names the account there");
    if (call.has("insecure-tls") && call.has("ca-file")) {
      return Error(501, "--insecure-tls checks no certificate: leave --ca-file out");
    }
    auto action = std::make_unique<MigrateImap>();
    action->login_ = call.value("user");
    action->password_file_ = call.value("password-file");
    auto& server = action->server_;
    server.host = call.words.front();
    server.starts_tls = call.has("starttls");
    server.port = server.starts_tls ? imap_port : imaps_port;
    server.checks_certificate = !call.has("insecure-tls");
    server.ca_file = call.value("ca-file");
    if (call.has("port")) {
      auto port = parse_number(call.value("port"));
      if (!port || *port == 0 || *port > UINT16_MAX) {
        return Error(501, "--port needs a number from 1 to 65535");
      }
      server.port = static_cast<std::uint16_t>(*port);
    }
    auto chosen = call.options.find("folder");
    if (chosen != call.options.end()) action->planning_.chosen = chosen->second;
    action->config_ = call.config;
    return MadeAction(std::move(action));
  }

  Result<void> begin(const store::AccountRef&) override {
    TRY(auto password, password_of(password_file_, login_ + " on " + server_.host));
    TRY(client_, ImapClient::connect(*config_, server_));
    TRY_DO(client_->log_in(login_, password));
    TRY(planning_.folders, client_->folders());
    TRY(planning_.subscribed, client_->subscriptions());
    TRY(planning_.namespaces, client_->namespaces());
    return {};
  }

  Result<void> run(AdminAccount& on) override {
    planning_.special_uses = on.store.settings().special_uses;
    planning_.separator = on.store.separator();
    auto plan = plan_folders(std::move(planning_));
    for (const auto& sentence : plan.left_out) std::cerr << sentence << "\n";
    if (plan.folders.empty()) {
      return Error(550, ResponseCode::NonExistent, "there is no folder to be copied");
    }
    TRY(auto spool, MessageSpool::open(config_->at(Service::Imap).mail_temp_dir));
    AccountCopy copy(on, *client_, spool, login_ + '\0' + server_.host);
    for (const auto& folder : plan.folders) {
      auto done = copy.copy(folder);
      if (!done && done.error().is_temporary()) {
        return Error::temporary(done.error().text() + "; the same command goes on from here");
      }
      if (!done) return done;
    }
    client_->log_out();
    if (copy.left_out() == 0) return {};
    return Error::permanent(std::to_string(copy.left_out()) + " messages were left out");
  }

 private:
  std::shared_ptr<const Config> config_;
  RemoteServer server_;
  std::string login_;
  std::string password_file_;
  FolderPlanning planning_;
  std::unique_ptr<ImapClient> client_;
};

}  // namespace

MadeAction migrate_imap(const AdminCall& call) { return MigrateImap::make(call); }

}  // namespace pennypost::imap
