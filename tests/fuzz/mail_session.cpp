// What a client that has logged in may say to popd and imapd; no crash, no hang, and answers in
// whole lines. The mailbox is a Maildir of three messages, made anew when a session has changed it.
//
// The first byte chooses the protocol.
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "common/async/nursery.h"
#include "common/base/assert.h"
#include "common/base/scratch.h"
#include "common/config/testing.h"
#include "common/log/sink.h"
#include "imapd/dialogue/session.h"
#include "imapd/session/account.h"
#include "popd/session.h"
#include "store/mailbox/file.h"
#include "store/stores/stores.h"

using namespace pennypost;
using namespace std::chrono_literals;

namespace {

class Silence final : public LogSink {
 public:
  void write(Severity, std::string_view, std::string_view, int) override {}
};

const std::string plain =
    "From: Ann <ann@example.org>\nSubject: =?utf-8?q?gr=C3=BCn?=\nDate: Tue, 14 Nov 2023 22:13:20 "
    "+0000\nMessage-ID: <1@example.org>\n\nhello\n.dot\n";
const std::string parts =
    "Subject: parts\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n"
    "--b\nContent-Type: message/rfc822\n\nSubject: inner\n\ntwo\n--b\nContent-Type: text/plain;\n"
    " charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nthr=E9e\n--b--\n";

/// A Maildir that is the same at the beginning of each session.
class Home {
 public:
  Home() : scratch_(in_memory()) { fill(); }
  std::string location() const { return "maildir:" + root(); }
  /// Whether a session has left any change.
  void restore() {
    if (stamps() != stamps_) fill();
  }

 private:
  // A disk would make most of the time a session takes.
  static Scratch in_memory() {
    if (::access("/dev/shm", W_OK) == 0) ::setenv("TMPDIR", "/dev/shm", 1);
    return Scratch();
  }
  std::string root() const { return scratch_ / "Maildir"; }
  void fill() {
    std::filesystem::remove_all(root());
    for (const char* folder : {"/cur", "/new", "/tmp", "/.work/cur", "/.work/new", "/.work/tmp"}) {
      std::filesystem::create_directories(root() + folder);
    }
    put("cur/1700000001.M1P1.host:2,S", plain);
    put("cur/1700000002.M1P1.host:2,Fa", parts);
    put("new/1700000003.M1P1.host", "");
    put("dovecot-keywords", "0 work\n");
    put("dovecot-uidlist",
        "3 V1700000000 N4 G0123456789abcdef0123456789abcdef\n1 :1700000001.M1P1.host\n2 "
        ":1700000002.M1P1.host\n3 :1700000003.M1P1.host\n");
    stamps_ = stamps();
  }
  void put(const std::string& name, const std::string& text) const {
    auto path = root() + "/" + name;
    ASSERT(store::replace_file(path, scratch_ / "beside", text, false));
  }
  std::vector<store::FileStamp> stamps() const {
    std::vector<store::FileStamp> all;
    for (const char* name : {"", "/cur", "/new", "/tmp", "/dovecot-uidlist", "/dovecot-keywords",
                             "/subscriptions", "/.work", "/.work/cur", "/.work/new"}) {
      all.push_back(store::FileStamp::of(root() + name));
    }
    return all;
  }
  Scratch scratch_;
  std::vector<store::FileStamp> stamps_;
};

store::StoreSettings settings() {
  store::StoreSettings settings;
  settings.fsync = false;
  settings.brief_lock_ms = 1;
  return settings;
}

Task<> swallow(Connection& client) {
  try {
    for (;;) {
      co_await client.fill();
      (void)client.take_input();
    }
  } catch (const Disconnected&) {
  }
}

template <class Serve>
void talk(std::string_view lines, Serve serve) {
  Loop loop;
  auto [server, mine] = memory_streams(loop);
  Connection connection(loop, std::move(server), 2000ms);
  mine->try_write(lines);
  mine->shut_down();
  Connection client(loop, std::move(mine), 2000ms);
  Nursery tasks(loop);
  tasks.start(swallow(client));
  serve(loop, connection);
}

Task<> run(pop::Session& session) {
  try {
    co_await session.serve();
  } catch (const Disconnected&) {
  }
}

void pop3(std::string_view lines, const Home& home) {
  static const auto config = config_for_test();
  talk(lines, [&](Loop& loop, Connection& connection) {
    auto drop = pop::Maildrop::open(home.location(), settings());
    ASSERT(drop);
    pop::Session session(connection, config, Service::Pop3, **drop, "bob");
    loop.run_until(run(session));
  });
}

void imap4(std::string_view lines, const Home& home) {
  static const auto config =
      config_for_test({"imap_auto_create_special=no", "imap_max_line_length=4000"});
  talk(lines, [&](Loop& loop, Connection& connection) {
    imap::ChangeHub hub(loop);
    auto limits = imap::limits_of(config->at(Service::Imap));
    auto all = std::make_shared<const imap::WorkerContext>(
        imap::WorkerContext{Clock::system(), hub, limits, config, Service::Imap});
    auto location = store::MailLocation::parse(home.location(), {"ann", "/nonexistent"});
    ASSERT(location);
    auto mail = store::open_store(*location, settings());
    imap::Accounts accounts(loop, 4, 2);
    imap::LoggedIn who{"ann", "SESSION", "login"};
    who.account = std::make_shared<const store::AccountRef>();
    imap::Session session(all, connection, std::move(who), accounts.open("ann"), std::move(mail));
    loop.run_until(session.serve());
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const auto before = set_log(std::make_unique<Silence>());
  static Home home;
  if (size == 0) return 0;
  std::string_view lines(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'P') {
    pop3(lines, home);
  } else {
    imap4(lines, home);
  }
  home.restore();
  return 0;
}
