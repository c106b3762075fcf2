// Gives tests an account on disk, and an IMAP session on it over streams in memory.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/async/nursery.h"
#include "common/config/testing.h"
#include "imapd/dialogue/session.h"
#include "imapd/session/quota_desk.h"
#include "store/index/index.h"
#include "store/maildir/folder_cache.h"
#include "store/stores/stores.h"

namespace pennypost::imap {

/// An account's mail in a new directory, gone at the end: ROOT/Maildir, or ROOT/mail and
/// ROOT/inbox.
class TestAccount {
 public:
  enum class Format { Maildir, Mbox };
  explicit TestAccount(Format format = Format::Maildir) : format_(format) {
    char path[] = "/tmp/imapd-session-test-XXXXXX";
    REQUIRE(::mkdtemp(path) != nullptr);
    root_ = path;
    index_ = std::make_unique<store::Index>(root_ + "/index");
    folder_cache_ = std::make_unique<store::FolderCache>();
  }
  virtual ~TestAccount() {
    folder_cache_ = nullptr;
    index_ = nullptr;
    std::filesystem::remove_all(root_);
  }

  store::AccountRef ref() const {
    store::AccountRef account;
    account.name = user;
    account.home = root_;
    account.is_admin = is_admin;
    account.mail_location = format_ == Format::Maildir
                                ? "maildir:" + root_ + "/Maildir"
                                : "mbox:" + root_ + "/mail:INBOX=" + root_ + "/inbox";
    return account;
  }
  virtual std::unique_ptr<store::MailStore> open() const {
    auto location = store::MailLocation::parse(ref().mail_location, {"ann", root_});
    REQUIRE(location.has_value());
    // As a worker has them.
    store::StoreSettings settings;
    settings.index = index_.get();
    settings.folder_cache = folder_cache_.get();
    settings.brief_lock_ms = 20;
    settings.deliver_lock_attempts = lock_attempts;
    settings.deliver_lock_delay_ms = 20;
    settings.quota_bytes = quota_bytes;
    settings.folders_max = folders_max;
    return store::open_store(*location, settings);
  }
  // Puts a message where another program would deliver it.
  void deliver(const std::string& text) {
    ++delivered_;
    auto name = std::to_string(1'700'000'000 + delivered_) + ".M1.host";
    for (const char* part : {"tmp", "new", "cur"}) {
      std::filesystem::create_directories(root_ + "/Maildir/" + part);
    }
    std::ofstream(root_ + "/Maildir/tmp/" + name) << text;
    std::filesystem::rename(root_ + "/Maildir/tmp/" + name, root_ + "/Maildir/new/" + name);
  }
  const std::string& root() const { return root_; }
  std::string user = "ann";
  std::optional<std::uint64_t> quota_bytes;
  /// Whether its user may set quotas, which the desk shows.
  bool is_admin = false;
  /// What its entry in the users map hides (imap_capability).
  std::string hidden_capabilities;
  QuotaDesk* quotas = nullptr;
  /// Whether the session makes those of imap_special_use.
  bool has_special_folders = false;
  std::size_t folders_max = store::StoreSettings().folders_max;
  /// A lock is given up for after so many tries, of 20 ms each.
  int lock_attempts = 20;
  /// How often a long command of its sessions says that it is at work.
  Duration sign_interval{10'000};

 private:
  Format format_;
  std::string root_;
  std::unique_ptr<store::Index> index_;
  std::unique_ptr<store::FolderCache> folder_cache_;
  int delivered_ = 0;
};

/// A worker with one session, and the client's end of it, whom the account's user has logged in.
class Client {
 public:
  explicit Client(const TestAccount& account, std::vector<std::string> settings = {})
      : hub_(loop_), worker_(make(std::move(settings), account)), sessions_(loop_) {
    auto [server, mine] = memory_streams(loop_);
    server_ = std::make_unique<Connection>(loop_, std::move(server), std::chrono::seconds(5));
    client_ = std::make_unique<Connection>(loop_, std::move(mine), std::chrono::seconds(5));
    LoggedIn who{account.user, "SESSION", "login"};
    who.account = std::make_shared<const store::AccountRef>(account.ref());
    who.hidden_capabilities = account.hidden_capabilities;
    session_ = std::make_unique<Session>(worker_, *server_, std::move(who),
                                         accounts_.open(account.user), account.open());
    watching_ = std::make_unique<Nursery>(loop_);
    watching_->start(hub_.run());
    sessions_.start(session_->serve());
    greeting_ = loop_.run_until(until("login "));
  }

  const std::string& greeting() const { return greeting_; }
  /// Sends a command and gives all that comes, to the tagged line.
  std::string command(const std::string& text) {
    auto tag = "t" + std::to_string(++tag_) + " ";
    client_->put(tag + text + "\r\n");
    auto answer = loop_.run_until(until(tag));
    // The tag is of no interest.
    answer.erase(answer.rfind(tag), tag.size());
    return answer;
  }
  /// Sends a command and waits for nothing.
  void start(const std::string& text) {
    client_->put("s " + text + "\r\n");
    loop_.run_until(client_->flush());
  }
  /// The client sends nothing more, and reads on.
  void end_input() { client_->stream().shut_down(); }
  /// Sends octets as they are, then waits for a line that begins so.
  std::string send(const std::string& bytes, const std::string& last) {
    client_->put(bytes);
    return loop_.run_until(until(last));
  }
  Session& session() { return *session_; }
  Accounts& accounts() { return accounts_; }
  Loop& loop() { return loop_; }
  bool is_over() const { return sessions_.empty(); }
  /// What the session has not taken of what was sent.
  std::string left() { return server_->take_input(); }
  void hang_up() {
    client_->stream().shut_down();
    loop_.run_until(sessions_.join());
  }

 private:
  std::shared_ptr<const WorkerContext> make(std::vector<std::string> settings,
                                            const TestAccount& account) {
    if (!account.has_special_folders) settings.emplace_back("imap_auto_create_special=no");
    auto config = config_for_test(std::move(settings));
    auto limits = limits_of(config->at(Service::Imap));
    WorkerContext all{
        clock_,        hub_, limits, config, Service::Imap, nullptr, account.sign_interval,
        account.quotas};
    return std::make_shared<const WorkerContext>(std::move(all));
  }
  // Everything up to the line that begins with `last`; to the end of the connection if none does.
  Task<std::string> until(std::string last) {
    std::string all;
    try {
      for (;;) {
        auto line = co_await client_->line(1 << 20);
        std::string text(line.text);
        all += text + "\r\n";
        if (text.starts_with(last)) break;
      }
    } catch (const Disconnected& end) {
      all += "(" + end.text() + ")";
    }
    co_return all;
  }

  Loop loop_;
  Accounts accounts_{loop_, 4, 2};
  ManualClock clock_;
  ChangeHub hub_;
  std::shared_ptr<const WorkerContext> worker_;
  std::unique_ptr<Connection> server_;
  std::unique_ptr<Connection> client_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Nursery> watching_;
  Nursery sessions_;
  std::string greeting_;
  int tag_ = 0;
};

/// Appends a message to a mailbox; all that comes back, to the tagged line `app …`.
inline std::string append(Client& client, const std::string& mailbox, const std::string& text) {
  return client.send(
      "app APPEND " + mailbox + " {" + std::to_string(text.size()) + "+}\r\n" + text + "\r\n",
      "app ");
}

inline bool has(const std::string& text, const std::string& piece) {
  return text.find(piece) != std::string::npos;
}

}  // namespace pennypost::imap
