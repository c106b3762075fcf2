#include "common/base/scratch.h"
#include "common/base/text.h"
#include "common/log/sink.h"
#include "imapd/dialogue/testing.h"
#include "store/sharing/other_users.h"
#include "store/sharing/shared_store.h"

using namespace pennypost;
using namespace pennypost::imap;
namespace fs = std::filesystem;

namespace {

const std::string ann_lists = "shared.ann@example^test.Lists";

/// A host with the users ann, bob and carl of example.test.
struct Host {
  Scratch scratch;
  store::Index index{scratch / "index"};
  std::shared_ptr<const Config> config;
  std::shared_ptr<store::OtherUsers> others;

  explicit Host(std::vector<std::string> more = {}) {
    std::ofstream(scratch / "users") << "ann@example.test comment=a\nbob@example.test comment=b\n"
                                        "carl@example.test comment=c\n";
    std::vector<std::string> settings{"users_map=texthash:" + scratch / "users",
                                      "virtual_mailbox_base=" + scratch / "mail",
                                      "auth_realm=example.test", "virtual_mail_owner=mail"};
    settings.insert(settings.end(), more.begin(), more.end());
    config = config_for_test(std::move(settings));
    others = std::make_shared<store::OtherUsers>(config, [this](store::StoreSettings& store) {
      store.fsync = false;
      store.index = &index;
    });
    for (const char* user : {"ann", "bob", "carl"}) make(user, "");
  }
  std::string maildir(const std::string& user) const {
    return scratch / ("mail/example.test/" + user + "/Maildir");
  }
  void make(const std::string& user, const std::string& folder) const {
    for (const char* part : {"/new", "/cur", "/tmp"}) {
      fs::create_directories(maildir(user) + (folder.empty() ? "" : "/." + folder) + part);
    }
  }
  /// With a flag letter at the end of its name, if one is given.
  void put(const std::string& user, const std::string& folder, const std::string& name,
           const std::string& flags = "") const {
    auto directory = maildir(user) + (folder.empty() ? "" : "/." + folder) + "/cur/";
    std::ofstream(directory + name + ".M1.host:2," + flags) << "Subject: " << name << "\n\nText.\n";
  }
  void share(const std::string& folder, const std::string& lines) const {
    auto directory = maildir("ann") + (folder.empty() ? "" : "/." + folder);
    std::ofstream(directory + "/dovecot-acl") << lines;
    auto store = others->open("ann@example.test");
    REQUIRE(store);
    REQUIRE(others->shares().recount("ann@example.test", **store));
  }
};

class Resident final : public TestAccount {
 public:
  Resident(const Host& host, const std::string& name, std::string groups = "")
      : host_(host), groups_(std::move(groups)) {
    user = name + "@example.test";
  }
  std::unique_ptr<store::MailStore> open() const override {
    auto own = host_.others->open(user);
    REQUIRE(own);
    store::AccountRef account;
    account.name = user;
    account.acl_groups = groups_;
    return std::make_unique<store::SharedStore>(
        *std::move(own), store::namespace_settings(*host_.config, account), host_.others);
  }

 private:
  const Host& host_;
  std::string groups_;
};

bool succeeds(const std::string& answer) {
  auto lines = split(std::string_view(answer).substr(0, answer.size() - 2), '\n');
  return lines.back().starts_with("OK");
}

std::string last_line(const std::string& answer) {
  auto end = answer.rfind("\r\n", answer.size() - 3);
  return answer.substr(end == answer.npos ? 0 : end + 2);
}

struct Row {
  std::string_view rights;  // without one of these the command is refused
  std::string command;
  std::string_view beside = "";  // what it takes to get there
  std::string_view before = "";  // commands before it, by `;`
};

// RFC 4314 section 4.
const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"r", "SELECT L"},
      {"r", "EXAMINE L"},
      {"r", "STATUS L (MESSAGES)"},
      {"i", "APPEND L {3+}\r\nx\r\n"},
      {"i", "COPY 1 L", "", "SELECT INBOX"},
      {"i", "MOVE 1 L", "", "SELECT INBOX"},
      {"i", "UID REPLACE 1 L {3+}\r\nx\r\n", "", "SELECT INBOX"},
      {"k", "CREATE L.New"},
      {"x", "DELETE L"},
      {"xk", "RENAME L.Old L.Older"},
      {"a", "GETACL L"},
      {"a", "SETACL L carl lr"},
      {"a", "DELETEACL L carl"},
      {"a", "LISTRIGHTS L carl"},
      {"w", "STORE 1 +FLAGS (\\Flagged)", "lr", "SELECT L"},
      {"w", "STORE 1 -FLAGS ($Junk)", "lr", "SELECT L"},
      {"s", "STORE 1 +FLAGS (\\Seen)", "lr", "SELECT L"},
      {"t", "STORE 1 +FLAGS (\\Deleted)", "lr", "SELECT L"},
      {"e", "EXPUNGE", "lr", "SELECT L"},
      {"e", "UID EXPUNGE 1:*", "lr", "SELECT L"},
      {"te", "MOVE 1 INBOX", "lr", "SELECT L"},
      {"e", "UID REPLACE 1 INBOX {3+}\r\nx\r\n", "lr", "SELECT L"},
      {"w", "SETMETADATA L (/shared/x \"y\")"},
      {"r", "UID COPY 1 INBOX", "", "SELECT L"},
      {"r", "FETCH 1 (BODY[])", "", "SELECT L"},
      {"r", "SEARCH ALL", "", "SELECT L"},
  };
  return all;
}

// The commands' own letters L stay.
std::string command_of(const std::string& text) {
  auto at = text.find(" L");
  auto out = text;
  while (at != out.npos) {
    bool is_name = at + 2 == out.size() || out[at + 2] == ' ' || out[at + 2] == '.';
    if (is_name) out.replace(at + 1, 1, ann_lists);
    at = out.find(" L", at + 2);
  }
  return out;
}

/// The tagged line with which bob's command is answered when he has these rights.
std::string answer_with(const std::string& rights, const Row& row) {
  Host host;
  for (const char* folder : {"Lists", "Lists.Old"}) {
    host.make("ann", folder);
    host.put("ann", folder, "1700000001");
    host.share(folder, "user=bob@example.test " + rights + "\n");
  }
  host.put("bob", "", "1700000002");
  Resident bob(host, "bob");
  Client client(bob);
  for (auto before : split(row.before, ';')) {
    if (!before.empty()) client.command(command_of(std::string(before)));
  }
  return last_line(client.command(command_of(row.command)));
}

}  // namespace

TEST_CASE("each command needs the rights that RFC 4314 names for it, and no others") {
  for (const auto& row : rows()) {
    CAPTURE(row.command);
    std::string needed(row.rights);
    auto with_all = answer_with("l" + std::string(row.beside) + needed, row);
    CHECK(with_all.starts_with("OK"));
    for (char missing : needed) {
      CAPTURE(missing);
      auto rest = store::Rights::all().letters();
      std::erase(rest, missing);
      auto answer = answer_with(rest, row);
      // Where r is missing, no mailbox is selected.
      CHECK((answer.starts_with("NO [NOPERM]") || answer.starts_with("BAD No mailbox")));
    }
  }
}

TEST_CASE("whoever may not see a mailbox is told the same as if there were none") {
  Host host;
  host.make("ann", "Lists");
  host.put("ann", "Lists", "1700000001");
  host.share("Lists", "user=carl@example.test lr\n");
  host.put("bob", "", "1700000002");
  Resident bob(host, "bob");
  Client client(bob);
  for (std::string command : {"SELECT @",
                              "EXAMINE @",
                              "STATUS @ (MESSAGES)",
                              "APPEND @ {3+}\r\nx\r\n",
                              "CREATE @.New",
                              "DELETE @",
                              "RENAME @ INBOX.x",
                              "RENAME INBOX @.x",
                              "GETACL @",
                              "SETACL @ bob lr",
                              "DELETEACL @ carl",
                              "LISTRIGHTS @ bob",
                              "MYRIGHTS @",
                              "GETMETADATA @ /shared/comment",
                              "SETMETADATA @ (/shared/comment \"x\")",
                              "GETQUOTAROOT @",
                              "LIST \"\" @",
                              "LSUB \"\" @",
                              "ESEARCH IN (mailboxes @) ALL",
                              "NOTIFY SET (mailboxes @ (MessageNew MessageExpunge))",
                              "LIST \"\" @* RETURN (STATUS (MESSAGES) MYRIGHTS)"}) {
    CAPTURE(command);
    auto ask = [&](const std::string& name) {
      auto text = command;
      for (auto at = text.find('@'); at != text.npos; at = text.find('@', at + name.size())) {
        text.replace(at, 1, name);
      }
      auto answer = client.command(text);
      for (auto at = answer.find(name); at != answer.npos; at = answer.find(name)) {
        answer.replace(at, name.size(), "NAME");
      }
      return answer;
    };
    auto hidden = ask(ann_lists);
    CHECK(hidden == ask("shared.ann@example^test.Listx"));
    CHECK(hidden == ask("shared.zoe@example^test.Lists"));
  }
  CHECK(client.command("LIST \"\" *").find("shared") == std::string::npos);
}

TEST_CASE("NOTIFY says of which mailboxes a client may hear nothing although it may list them") {
  LogCapture log;
  Host host;
  host.make("ann", "Lists");
  host.make("ann", "Open");
  host.share("Lists", "user=bob@example.test l\n");
  host.share("Open", "user=bob@example.test lr\n");
  Resident bob(host, "bob");
  Client client(bob);
  CHECK(client.command("NOTIFY SET (subtree shared (MessageNew MessageExpunge))") ==
        "* LIST (\\NoAccess) \".\" " + ann_lists + "\r\nOK Notify completed.\r\n");
  // ESEARCH passes over it.
  CHECK(client.command("ESEARCH IN (subtree shared) ALL") == "OK Search completed.\r\n");
  // RFC 5819 section 2: and LIST with STATUS, that it can't be selected.
  CHECK(client.command("LIST \"\" " + ann_lists + " RETURN (STATUS (MESSAGES))") ==
        "* LIST (\\Noselect \\HasNoChildren) \".\" " + ann_lists + "\r\nOK List completed.\r\n");
}

TEST_CASE("a visitor hears of annotations that the owner or another visitor has changed") {
  LogCapture log;
  Host host;
  for (const char* name : {"Lists", "Open", "Closed"}) host.make("ann", name);
  host.share("Lists", "user=bob@example.test lr\nuser=carl@example.test lrw\n");
  host.share("Open", "user=bob@example.test lr\n");
  host.share("Closed", "user=bob@example.test l\n");
  Resident ann(host, "ann");
  Resident bob(host, "bob");
  Resident carl(host, "carl");
  Client owner(ann);
  Client visitor(carl);
  Client client(bob);
  const auto shared = [](const std::string& name) { return "shared.ann@example^test." + name; };
  const auto set = [](const std::string& name, const std::string& values) {
    return "SETMETADATA " + name + " (" + values + ")";
  };
  const auto told = [&](const std::string& name, const std::string& entry) {
    return client.send("", "* METADATA") == "* METADATA " + shared(name) + " " + entry + "\r\n";
  };
  CHECK(client.command("NOTIFY SET (subtree shared (MailboxMetadataChange))") ==
        "* LIST (\\NoAccess) \".\" " + shared("Closed") + "\r\nOK Notify completed.\r\n");
  // What is the owner's own, nobody else hears of.
  CHECK(succeeds(owner.command(set("Lists", "/private/comment \"x\" /shared/comment \"y\""))));
  CHECK(told("Lists", "/shared/comment"));
  CHECK(succeeds(visitor.command(set(shared("Lists"), "/private/z \"x\" /shared/z \"y\""))));
  CHECK(told("Lists", "/shared/z"));
  // Another session of the visitor's own.
  auto own = bob.open()->annotations(*store::MailboxName::parse(shared("Lists"), '.'));
  REQUIRE(own.has_value());
  REQUIRE(own->change({{"/private/comment", "bob's"}}, 10).has_value());
  CHECK(told("Lists", "/private/comment"));
  // While access is denied nothing is told.
  host.share("Lists", "user=bob@example.test l\n");
  CHECK(succeeds(owner.command(set("Lists", "/shared/comment \"secret\""))));
  CHECK(succeeds(owner.command(set("Open", "/shared/comment \"open\""))));
  CHECK(told("Open", "/shared/comment"));
  host.share("Lists", "user=bob@example.test lr\n");
  CHECK(told("Lists", "/shared/comment"));
}

TEST_CASE("whoever is given a mailbox, or loses it, hears of it by NOTIFY as of one that is made") {
  LogCapture log;
  Host host;
  host.make("ann", "Lists");
  host.make("ann", "Other");
  Resident bob(host, "bob");
  Client client(bob);
  client.command("NOTIFY SET (subtree shared (MailboxName))");
  auto given = [](const std::string& name) {
    return "* LIST (\\HasNoChildren) \".\" shared.ann@example^test." + name;
  };
  host.share("Lists", "user=bob@example.test lr\n");
  CHECK(has(client.send("", given("Lists")), given("Lists")));
  host.share("Other", "user=bob@example.test lr\n");
  CHECK(has(client.send("", given("Other")), given("Other")));
  host.share("Lists", "user=bob@example.test r\n");
  const auto gone = "* LIST (\\NonExistent \\HasNoChildren) \".\" " + ann_lists;
  CHECK(has(client.send("", gone), gone));
}

TEST_CASE("a shared mailbox is listed, and works like one's own as far as the rights go") {
  Host host;
  host.make("ann", "Lists");
  host.put("ann", "Lists", "1700000001");
  host.share("Lists", "user=bob@example.test lrs\n");
  Resident bob(host, "bob");
  Client client(bob);
  CHECK(client.command("NAMESPACE").find("* NAMESPACE ((\"\" \".\")) ((\"shared.\" \".\")) NIL") ==
        0);
  auto listed = client.command("LIST \"\" * RETURN (MYRIGHTS)");
  CHECK(listed.find("\"."
                    "\" " +
                    ann_lists + "\r\n* MYRIGHTS " + ann_lists + " lrs\r\n") != std::string::npos);
  CHECK(listed.find("* MYRIGHTS INBOX lrwstipekxacd\r\n") != std::string::npos);
  CHECK(client.command("LIST \"\" shared.%").find("\\HasChildren") != std::string::npos);
  auto selected = client.command("SELECT " + ann_lists);
  CHECK(selected.find("[PERMANENTFLAGS (\\Seen)]") != std::string::npos);
  CHECK(selected.find("[READ-WRITE]") != std::string::npos);
  // What may not be changed is left as it is, as long as anything may.
  CHECK(client.command("STORE 1 FLAGS (\\Seen \\Flagged)") ==
        "* 1 FETCH (FLAGS (\\Seen))\r\nOK Store completed.\r\n");
  CHECK(client.command("STORE 1 FLAGS ()") == "* 1 FETCH (FLAGS ())\r\nOK Store completed.\r\n");
  CHECK(client.command("FETCH 1 BODY[TEXT]").find("FLAGS (\\Seen)") != std::string::npos);
  CHECK(client.command("UID COPY 1 INBOX").find("COPYUID") != std::string::npos);
  CHECK(client.command("GETQUOTAROOT " + ann_lists) ==
        "NO [NOPERM] The quota of other users is not shown.\r\n");
  CHECK(client.command("STATUS INBOX (MESSAGES UNSEEN)").find("(MESSAGES 1 UNSEEN 0)") !=
        std::string::npos);
  CHECK(client.command("SUBSCRIBE " + ann_lists) == "OK Subscribe completed.\r\n");
  CHECK(client.command("LSUB \"\" *").find(ann_lists) != std::string::npos);
  // The mailbox is gone for whom the right to read it was taken away.
  host.share("Lists", "user=bob@example.test l\n");
  CHECK(client.send("x NOOP\r\n", "x ").find("* BYE") != std::string::npos);
}

TEST_CASE("of a shared mailbox /shared is the owner's, for all, and /private everybody's own") {
  Host host;
  host.make("ann", "Lists");
  host.share("Lists", "user=bob@example.test lr\nuser=carl@example.test liw\n");
  Resident ann(host, "ann");
  Resident bob(host, "bob");
  Resident carl(host, "carl");
  Client owner(ann);
  Client reader(bob);
  Client writer(carl);
  const auto get = [](const std::string& name) {
    return "GETMETADATA " + name + " (/private/comment /shared/comment)";
  };
  const auto set = [](const std::string& name, const std::string& values) {
    return "SETMETADATA " + name + " (" + values + ")";
  };
  CHECK(succeeds(
      owner.command(set("Lists", "/shared/comment \"for all\" /private/comment \"ann's\""))));
  CHECK(has(reader.command(get(ann_lists)), "(/private/comment NIL /shared/comment \"for all\")"));
  CHECK(succeeds(reader.command(set(ann_lists, "/private/comment \"bob's\""))));
  CHECK(reader.command(set(ann_lists, "/private/comment \"x\" /shared/comment \"y\""))
            .starts_with("NO [NOPERM]"));
  CHECK(has(reader.command(get(ann_lists)), "(/private/comment \"bob's\" /shared/comment"));
  CHECK(succeeds(writer.command(set(ann_lists, "/shared/comment \"carl's\""))));
  CHECK(has(writer.command(get(ann_lists)), "(/private/comment NIL /shared/comment \"carl's\")"));
  CHECK(
      has(owner.command(get("Lists")), "(/private/comment \"ann's\" /shared/comment \"carl's\")"));
  CHECK(has(reader.command("LIST \"\" shared.* RETURN (METADATA (/private/comment))"),
            "* METADATA " + ann_lists + " (/private/comment \"bob's\")"));
  // One's own go along with the mailbox.
  CHECK(succeeds(owner.command("RENAME Lists News")));
  host.share("News", "user=bob@example.test lr\n");
  CHECK(has(reader.command(get("shared.ann@example^test.News")), "(/private/comment \"bob's\""));
}

TEST_CASE("annotations need l and one of r, s, w, i and p, as RFC 5464 says") {
  Host host;
  host.make("ann", "Lists");
  Resident bob(host, "bob");
  struct Case {
    std::string rights;
    std::string answer;
  };
  for (const auto& one : {Case{"lr", "OK "},
                          {"ls", "OK "},
                          {"lw", "OK "},
                          {"li", "OK "},
                          {"lp", "OK "},
                          {"l", "NO [NOPERM]"},
                          {"ltekxa", "NO [NOPERM]"},
                          {"rswip", "NO [NONEXISTENT]"}}) {
    host.share("Lists", "user=bob@example.test " + one.rights + "\n");
    CAPTURE(one.rights);
    Client client(bob);
    CHECK(last_line(client.command("GETMETADATA " + ann_lists + " /private/x"))
              .starts_with(one.answer));
    CHECK(last_line(client.command("SETMETADATA " + ann_lists + " (/private/x \"y\")"))
              .starts_with(one.answer));
  }
}

TEST_CASE("annotations of a shared mailbox raise its mod-sequence, whoever changes them") {
  Host host;
  host.make("ann", "Lists");
  host.share("Lists", "user=bob@example.test lr\n");
  Resident ann(host, "ann");
  Resident bob(host, "bob");
  Client owner(ann);
  Client reader(bob);
  auto highest = [&] {
    auto answer = reader.command("STATUS " + ann_lists + " (HIGHESTMODSEQ)");
    auto at = answer.find("HIGHESTMODSEQ ");
    REQUIRE(at != answer.npos);
    return std::stoull(answer.substr(at + 14));
  };
  auto before = highest();
  CHECK(highest() == before);
  CHECK(succeeds(owner.command("SETMETADATA Lists (/shared/comment \"new\")")));
  auto after = highest();
  CHECK(after > before);
  CHECK(succeeds(reader.command("SETMETADATA " + ann_lists + " (/private/comment \"new\")")));
  CHECK(highest() > after);
}

TEST_CASE("what an owner writes to a shared mailbox chooses none of a visitor's scripts") {
  Host host;
  host.make("ann", "Lists");
  host.share("Lists", "user=bob@example.test lriw\n");
  Resident ann(host, "ann");
  Resident bob(host, "bob");
  fs::create_directories(bob.root() + "/sieve");
  std::ofstream(bob.root() + "/sieve/own.sieve")
      << "require [\"imapsieve\", \"imap4flags\"]; addflag \"\\\\Flagged\";\n";
  Client owner(ann);
  Client visitor(bob, {"imapsieve_url=sieve://mail.example.org"});
  CHECK(succeeds(owner.command("SETMETADATA Lists (/shared/imapsieve/script \"own\")")));
  CHECK(succeeds(visitor.command("SETMETADATA INBOX (/shared/imapsieve/script \"own\")")));
  for (const auto& [mailbox, runs] :
       std::map<std::string, bool>{{"INBOX", true}, {ann_lists, false}}) {
    CHECK(succeeds(visitor.command("APPEND " + mailbox + " {3+}\r\nx\r\n")));
    CHECK(succeeds(visitor.command("EXAMINE " + mailbox)));
    CHECK(has(visitor.command("FETCH 1 FLAGS"), "\\Flagged") == runs);
  }
}

TEST_CASE("an owner shares a mailbox by SETACL, and those below it inherit") {
  Host host;
  host.make("ann", "Lists");
  Resident ann(host, "ann");
  Resident bob(host, "bob");
  Client owner(ann);
  Client visitor(bob);
  CHECK(owner.command("GETACL Lists") ==
        "* ACL Lists ann@example.test lrwstipekxacd\r\nOK Getacl completed.\r\n");
  CHECK(owner.command("SETACL Lists bob lrk") == "OK Setacl completed.\r\n");
  CHECK(owner.command("SETACL Lists -bob@example.test w") == "OK Setacl completed.\r\n");
  CHECK(owner.command("GETACL Lists") ==
        "* ACL Lists ann@example.test lrwstipekxacd bob@example.test lrkc -bob@example.test w\r\n"
        "OK Getacl completed.\r\n");
  CHECK(owner.command("LISTRIGHTS Lists bob")
            .find("* LISTRIGHTS Lists bob \"\" l r w s t i p e k x a c d\r\n") == 0);
  CHECK(visitor.command("MYRIGHTS " + ann_lists) ==
        "* MYRIGHTS " + ann_lists + " lrkc\r\nOK Myrights completed.\r\n");
  CHECK(succeeds(visitor.command("CREATE " + ann_lists + ".New")));
  CHECK(visitor.command("MYRIGHTS " + ann_lists + ".New").find(" lrkc\r\n") != std::string::npos);
  CHECK(visitor.command("CREATE shared.ann@example^test.New").find("NO [NOPERM]") == 0);
  CHECK(owner.command("SETACL Lists anyone lr").find("NO [CANNOT]") == 0);
  CHECK(owner.command("LISTRIGHTS Lists anyone").find("NO [CANNOT]") == 0);
  CHECK(owner.command("SETACL Lists bob lq").find("BAD") == 0);
  CHECK(owner.command("SETACL Lists \"\" lr").find("BAD") == 0);
  CHECK(owner.command("SETACL Nowhere bob lr").find("NO [NONEXISTENT]") == 0);
  CHECK(owner.command("SETACL Lists ann@example.test \"\"") == "OK Setacl completed.\r\n");
  CHECK(owner.command("MYRIGHTS Lists").find("* MYRIGHTS Lists a\r\n") == 0);
  // RFC 9208 section 6: figures of messages are for who may read them.
  CHECK(owner.command("GETQUOTAROOT Lists").starts_with("NO [NOPERM] "));
  CHECK(owner.command("SETACL Lists -ann@example.test lra") == "OK Setacl completed.\r\n");
  CHECK(owner.command("MYRIGHTS Lists").find("* MYRIGHTS Lists a\r\n") == 0);
  CHECK(owner.command("DELETEACL Lists -ann@example.test") == "OK Deleteacl completed.\r\n");
  CHECK(owner.command("DELETEACL Lists ann@example.test") == "OK Deleteacl completed.\r\n");
  CHECK(owner.command("DELETEACL Lists bob") == "OK Deleteacl completed.\r\n");
  CHECK(visitor.command("MYRIGHTS " + ann_lists).find("NO [NONEXISTENT]") == 0);
}

TEST_CASE("a mailbox shared with a group is seen by those who are in it, and by no others") {
  Host host;
  host.make("ann", "Lists");
  Resident ann(host, "ann");
  Client owner(ann);
  CHECK(succeeds(owner.command("SETACL Lists $staff lr")));
  CHECK(succeeds(owner.command("SETACL Lists !$trainees l")));
  CHECK(owner.command("GETACL Lists").find("$staff lr") != std::string::npos);
  Resident bob(host, "bob", "ops,staff");
  Client member(bob);
  CHECK(member.command("LIST \"\" *").find(ann_lists) != std::string::npos);
  CHECK(member.command("MYRIGHTS " + std::string(ann_lists)).find(" lr\r\n") != std::string::npos);
  Resident trainee(host, "bob", "staff,trainees");
  CHECK(Client(trainee).command("MYRIGHTS " + std::string(ann_lists)).find(" l\r\n") !=
        std::string::npos);
  Resident carl(host, "carl", "staffing");
  Client other(carl);
  CHECK(other.command("LIST \"\" *").find("shared") == std::string::npos);
  CHECK(
      last_line(other.command("SELECT " + std::string(ann_lists))).starts_with("NO [NONEXISTENT]"));
}

TEST_CASE("a damaged list lets nobody in but the owner, and is not overwritten") {
  Host host;
  host.make("ann", "Lists");
  host.share("Lists", "user=bob@example.test lr\nnonsense\n");
  Resident ann(host, "ann");
  Resident bob(host, "bob");
  Client owner(ann);
  Client visitor(bob);
  CHECK(visitor.command("SELECT " + ann_lists).find("NO [NONEXISTENT]") != std::string::npos);
  CHECK(succeeds(owner.command("SELECT Lists")));
  CHECK(owner.command("SETACL Lists bob lr").find("NO [CORRUPTION]") == 0);
}

TEST_CASE("an alias is another way to the same mailboxes, listed only for those who spell it out") {
  Host host({"namespace_separator=/", "namespace_aliases=mail/"});
  host.make("ann", "Lists");
  Resident ann(host, "ann");
  Client client(ann);
  CHECK(client.command("NAMESPACE").find("((\"\" \"/\")) ((\"shared/\" \"/\")) NIL") !=
        std::string::npos);
  CHECK(client.command("STATUS mail/Lists (MESSAGES)").find("* STATUS mail/Lists (MESSAGES 0)") ==
        0);
  CHECK(client.command("LIST \"\" *").find("mail/") == std::string::npos);
  auto listed = client.command("LIST mail/ *");
  CHECK(listed.find(" mail/Lists\r\n") != std::string::npos);
  CHECK(listed.find(" mail/INBOX\r\n") != std::string::npos);
  CHECK(succeeds(client.command("APPEND mail/INBOX {3+}\r\nx\r\n")));
  CHECK(client.command("STATUS INBOX (MESSAGES)").find("(MESSAGES 1)") != std::string::npos);
  CHECK(succeeds(client.command("CREATE mail/New")));
  CHECK(client.command("LIST \"\" New").find(" New\r\n") != std::string::npos);

  Host shown({"namespace_separator=/", "namespace_aliases=mail/", "namespace_aliases_hidden=no",
              "namespace_aliases_list=yes"});
  Resident other(shown, "ann");
  Client second(other);
  CHECK(second.command("NAMESPACE").find("((\"\" \"/\")(\"mail/\" \"/\"))") != std::string::npos);
  CHECK(second.command("LIST \"\" *").find(" mail/INBOX\r\n") != std::string::npos);
}

TEST_CASE("ACL is offered where mailboxes can be shared") {
  Host host;
  Resident ann(host, "ann");
  Client client(ann);
  auto offered = client.command("CAPABILITY");
  for (const char* name : {" ACL ", " RIGHTS=kxte ", " LIST-MYRIGHTS "}) {
    CAPTURE(name);
    CHECK(offered.find(name) != std::string::npos);
  }
  TestAccount alone;
  Client other(alone);
  CHECK(other.command("CAPABILITY").find("ACL") == std::string::npos);
  CHECK(other.command("GETACL INBOX").find("NO [CANNOT]") == 0);
  CHECK(other.command("LIST \"\" * RETURN (MYRIGHTS)").find("BAD") == 0);
}

TEST_CASE("whoever may not expunge closes a mailbox without a word, and nothing is removed") {
  Host host;
  host.make("ann", "Lists");
  host.put("ann", "Lists", "1700000001", "T");
  host.share("Lists", "user=bob@example.test lrt\n");
  Resident bob(host, "bob");
  Client client(bob);
  client.command("SELECT " + ann_lists);
  CHECK(client.command("CLOSE") == "OK Close completed.\r\n");
  CHECK(has(client.command("STATUS " + ann_lists + " (MESSAGES)"), "(MESSAGES 1)"));
}

TEST_CASE("what is appended gets the flags alone that its sender may set") {
  Host host;
  host.make("ann", "Lists");
  host.share("Lists", "user=bob@example.test lris\n");
  Resident bob(host, "bob");
  Client client(bob);
  CHECK(succeeds(
      client.command("APPEND " + ann_lists + " (\\Seen \\Flagged \\Deleted $Work) {3+}\r\nx\r\n")));
  client.command("EXAMINE " + ann_lists);
  CHECK(client.command("FETCH 1 FLAGS") ==
        "* 1 FETCH (FLAGS (\\Seen \\Recent))\r\nOK Fetch completed.\r\n");
}

TEST_CASE("who renames another's mailbox needs the right to remove what is below it, too") {
  Host host;
  for (const char* folder : {"Lists", "Lists.Old", "Lists.Old.Sub"}) host.make("ann", folder);
  host.share("Lists", "user=bob@example.test lk\n");
  host.share("Lists.Old", "user=bob@example.test lx\n");
  host.share("Lists.Old.Sub", "user=bob@example.test l\n");
  Resident bob(host, "bob");
  Client client(bob);
  const auto rename = "RENAME " + ann_lists + ".Old " + ann_lists + ".New";
  CHECK(client.command(rename).starts_with("NO [NOPERM] "));
  host.share("Lists.Old.Sub", "user=bob@example.test lx\n");
  CHECK(succeeds(client.command(rename)));
}

TEST_CASE("of a COPY to another user's mailbox that breaks off nothing stays there") {
  LogCapture log;
  Host host;
  host.make("ann", "Lists");
  host.share("Lists", "user=bob@example.test lri\n");
  const auto cur = host.maildir("bob") + "/cur/";
  std::ofstream(cur + "1700000001.M1.host:2,") << "A: b\n\n" << std::string(1'200'000, 'x') << "\n";
  host.put("bob", "", "1700000002");
  Resident bob(host, "bob");
  Client client(bob);
  client.command("SELECT INBOX");
  fs::remove(cur + "1700000002.M1.host:2,");
  fs::create_directory(cur + "1700000002.M1.host:2,");
  CHECK(client.command("COPY 1:2 " + ann_lists).starts_with("NO "));
  CHECK(has(client.command("STATUS " + ann_lists + " (MESSAGES)"), "(MESSAGES 0)"));
  CHECK(succeeds(client.command("COPY 1 " + ann_lists)));
}

TEST_CASE("a search finds nothing in a mailbox that its reader may no longer read") {
  Host host;
  host.make("ann", "Lists");
  host.put("ann", "Lists", "1700000001");
  host.share("Lists", "user=bob@example.test lr\n");
  Resident bob(host, "bob");
  Client client(bob);
  CHECK(has(client.command("SELECT " + ann_lists), "OK [READ-ONLY] "));
  host.share("Lists", "user=bob@example.test l\n");
  CHECK(has(client.send("x SEARCH BODY Text\r\n", "x "), "* SEARCH\r\n"));
  // Whom a mailbox is not shown, the register of those who share does not name either.
  host.share("Lists", "user=bob@example.test r\n");
  CHECK(host.others->shares().owners_for({"bob@example.test"}).empty());
}

TEST_CASE("a mailbox of one's own that is called as the others' prefix is the level above them") {
  Host host;
  host.make("ann", "Lists");
  host.share("Lists", "authenticated lr\n");
  host.make("bob", "shared");
  Resident bob(host, "bob");
  Client client(bob);
  CHECK(has(client.command("LIST \"\" shared"), "* LIST (\\HasChildren) \".\" shared\r\n"));
  // But one's own mailboxes have no second name there.
  Resident ann(host, "ann");
  CHECK(Client(ann).command("SELECT " + ann_lists).starts_with("NO [NONEXISTENT] "));
}

TEST_CASE("RENAME gives no mailbox to another user, and leaves another user's INBOX alone") {
  Host host;
  host.make("ann", "Lists");
  host.share("Lists", "user=bob@example.test lrkx\n");
  host.share("", "user=bob@example.test lrkx\n");
  host.make("bob", "Own");
  Resident bob(host, "bob");
  Client client(bob);
  CHECK(client.command("RENAME Own " + ann_lists + ".Own").starts_with("NO [CANNOT] "));
  CHECK(client.command("RENAME " + ann_lists + " Mine").starts_with("NO [CANNOT] "));
  CHECK(client.command("RENAME shared.ann@example^test.INBOX " + ann_lists + ".Old")
            .starts_with("NO [NOPERM] "));
}

TEST_CASE("what is copied to another user keeps its date, and the flags that its sender may set") {
  Host host;
  host.make("ann", "Lists");
  host.share("Lists", "user=bob@example.test lris\n");
  Resident bob(host, "bob");
  Client client(bob);
  const std::string date = "\"05-Nov-2023 10:00:00 +0000\"";
  CHECK(
      succeeds(client.command("APPEND INBOX (\\Seen \\Flagged $Work) " + date + " {3+}\r\nx\r\n")));
  client.command("SELECT INBOX");
  auto stored = client.command("FETCH 1 INTERNALDATE");
  CHECK(succeeds(client.command("COPY 1 " + ann_lists)));
  client.command("EXAMINE " + ann_lists);
  CHECK(client.command("FETCH 1 INTERNALDATE") == stored);
  CHECK(has(client.command("FETCH 1 FLAGS"), "(FLAGS (\\Seen \\Recent))"));
}

TEST_CASE("flags that may not be changed stay when others are replaced") {
  Host host;
  host.make("ann", "Lists");
  Resident ann(host, "ann");
  Client owner(ann);
  CHECK(succeeds(owner.command("APPEND Lists (\\Flagged $Work) {3+}\r\nx\r\n")));
  host.share("Lists", "user=bob@example.test lrs\n");
  Resident bob(host, "bob");
  Client client(bob);
  client.command("SELECT " + ann_lists);
  CHECK(has(client.command("STORE 1 FLAGS (\\Seen)"), "(FLAGS (\\Flagged \\Seen \\Recent $Work))"));
  CHECK(has(client.command("STORE 1 FLAGS ()"), "(FLAGS (\\Flagged \\Recent $Work))"));
}
