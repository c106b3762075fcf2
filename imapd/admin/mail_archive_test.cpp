#include "imapd/admin/mail_archive.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/base/scratch.h"
#include "imapd/admin/foreign_mail.h"
#include "imapd/admin/message_text.h"

using namespace pennypost;
using namespace pennypost::imap;

namespace {

namespace fs = std::filesystem;

const store::AccountRef& account() {
  static const store::AccountRef ann = [] {
    store::AccountRef made;
    made.name = "ann@example.org";
    made.uid = ::geteuid();
    made.gid = ::getegid();
    return made;
  }();
  return ann;
}

ArchivedMessage message_in(std::string folder, std::string_view text) {
  ArchivedMessage message;
  message.folder = std::move(folder);
  message.text = text;
  message.octets = text.size() + 3;
  message.date = 1'600'000'000;
  return message;
}

std::string content(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

constexpr std::string_view letter = "Subject: a\n\nFrom me\n";

}  // namespace

TEST_CASE("an exported mbox quotes From_ lines and keeps flags, keywords and dates") {
  Scratch scratch;
  auto archive = open_archive("mbox:" + scratch / "%u", account(), "host");
  REQUIRE(archive);
  auto message = message_in("Work", letter);
  message.flags = store::Flags::Seen | store::Flags::Flagged;
  message.keywords = {"$Work"};
  REQUIRE((*archive)->add(message));
  REQUIRE((*archive)->add(message_in("", letter)));
  REQUIRE((*archive)->finish());
  auto path = scratch / "ann@example.org";
  CHECK(content(path).find("\n>From me\n") != std::string::npos);

  auto mail = ForeignMail::open("mbox:" + path);
  REQUIRE(mail);
  auto folder = mail->folder(store::MailboxName::inbox());
  REQUIRE(folder);
  REQUIRE((*folder)->messages().size() == 2);
  const auto& first = (*folder)->messages()[0];
  CHECK(first.flags == message.flags);
  CHECK((*folder)->keyword_names(first.keywords) == message.keywords);
  CHECK(*(*folder)->internal_date(first.uid) == message.date);
  CHECK(with_line_feeds(*whole_message(**folder, first.uid)) == letter);
}

TEST_CASE(
    "an exported Maildir has its folders, and keywords up to the 26 for which it has letters") {
  Scratch scratch;
  auto archive = open_archive("maildir:" + scratch / "box", account(), "host");
  REQUIRE(archive);
  auto message = message_in("A.B", letter);
  for (int i = 0; i < 27; ++i) message.keywords.push_back("k" + std::to_string(i));
  REQUIRE((*archive)->add(message));
  auto losses = (*archive)->finish();
  REQUIRE(losses);
  REQUIRE(losses->size() == 1);
  CHECK(losses->front().starts_with("A.B: 1 keywords"));
  CHECK(fs::is_directory(scratch / "box/cur"));
  CHECK(fs::exists(scratch / "box/.A.B/maildirfolder"));

  auto mail = ForeignMail::open("maildir:" + scratch / "box");
  REQUIRE(mail);
  auto names = mail->folders();
  REQUIRE(names);
  REQUIRE(names->size() == 2);
  CHECK(names->back().text() == "A.B");
  auto folder = mail->folder(names->back());
  REQUIRE(folder);
  REQUIRE((*folder)->messages().size() == 1);
  CHECK((*folder)->keyword_names((*folder)->messages()[0].keywords).size() == 26);
  CHECK(*(*folder)->internal_date(store::Uid(1)) == message.date);
}

TEST_CASE("a tar archive is made of blocks, with long paths in extended headers") {
  Scratch scratch;
  auto archive = open_archive("tar:" + scratch / "tar", account(), "host");
  REQUIRE(archive);
  REQUIRE((*archive)->add(message_in(std::string(120, 'x'), letter)));
  REQUIRE((*archive)->finish());
  auto bytes = content(scratch / "tar");
  CHECK(bytes.size() % 512 == 0);
  CHECK(bytes.ends_with(std::string(1024, '\0')));
  CHECK(bytes.find(" path=." + std::string(120, 'x') + "/cur/") != std::string::npos);
  CHECK(bytes.find("Subject: a") % 512 == 0);
}

TEST_CASE("nothing is exported over what exists, nor to where nobody has said") {
  Scratch scratch;
  std::ofstream(scratch / "there") << "x";
  CHECK_FALSE(open_archive("mbox:" + scratch / "there", account(), "host"));
  CHECK_FALSE(open_archive("maildir:" + scratch.path().string(), account(), "host"));
  CHECK(open_archive("zip:x", account(), "host").error().code() == 501);
  CHECK(open_archive("mbox:", account(), "host").error().code() == 501);
  CHECK(ForeignMail::open("x").error().code() == 501);
  CHECK_FALSE(ForeignMail::open("mbox:" + scratch / "nothing"));
}

TEST_CASE("of a folder from elsewhere as many keywords are read as ours have room for") {
  Scratch scratch;
  std::string names;
  for (std::size_t i = 0; i < store::keywords_per_mailbox_max + 4; ++i) {
    names += " k" + std::to_string(i);
  }
  std::ofstream(scratch / "mbox") << "From a Tue Nov 14 22:13:20 2023\nX-Keywords:" << names
                                  << "\n\nx\n";
  auto mail = ForeignMail::open("mbox:" + scratch / "mbox");
  REQUIRE(mail);
  auto folder = mail->folder(store::MailboxName::inbox());
  REQUIRE(folder);
  REQUIRE((*folder)->messages().size() == 1);
  auto keywords = (*folder)->keyword_names((*folder)->messages().front().keywords);
  CHECK(keywords.size() == store::keywords_per_mailbox_max);
  CHECK(keywords.back() == "k25");
}
