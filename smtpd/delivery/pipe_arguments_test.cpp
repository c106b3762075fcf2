#include "smtpd/delivery/pipe_arguments.h"

#include <doctest/doctest.h>

#include "common/base/text.h"

using namespace pennypost;
using namespace pennypost::smtp;

namespace {

Envelope envelope(std::initializer_list<const char*> recipients,
                  std::string sender = "ann@a.test") {
  Envelope made;
  made.id = QueueId("QUEUEID");
  made.sender = std::move(sender);
  made.client_address = "192.0.2.9";
  for (const char* address : recipients) {
    Recipient& recipient = made.recipients.emplace_back();
    recipient.address = address;
    recipient.original = "first@a.test";
  }
  return made;
}

std::string made_of(const char* argument, const Envelope& of, const char* flags = "") {
  PipeCommand pipe;
  pipe.arguments = {argument};
  pipe.flags = flags;
  return join(pipe_arguments(pipe, of, "Next.Hop", "+"), "|");
}

}  // namespace

TEST_CASE("an argument that names a recipient stands once for each, any other once") {
  auto two = envelope({"Bob+List@B.test", "carol@c.test"});
  struct Row {
    const char* argument;
    const char* made;
  };
  for (const auto& row : std::initializer_list<Row>{
           {"-f", "-f"},
           {"${sender}", "ann@a.test"},
           {"$recipient", "Bob+List@B.test|carol@c.test"},
           {"to=$(recipient),${nexthop}", "to=Bob+List@B.test,Next.Hop|to=carol@c.test,Next.Hop"},
           {"${user}/${extension}@${domain}", "Bob/List@B.test|carol/@c.test"},
           {"${mailbox}", "Bob+List|carol"},
           {"${original_recipient}", "first@a.test|first@a.test"},
           {"$$1 ${client_address}", "$1 192.0.2.9"},
           {"${queue_id}", "QUEUEID"},
           {"${sasl_username}", ""},
       }) {
    CAPTURE(row.argument);
    CHECK(made_of(row.argument, two) == row.made);
  }
}

TEST_CASE("an address is one argument as it is: blanks, quotes, dashes and dollars mean nothing") {
  auto hostile = envelope({"\"-rf $HOME ${sender} `x`;'\"@b.test"}, "\"a b\"@a.test");
  CHECK(made_of("${recipient}", hostile) == "-rf $HOME ${sender} `x`;'@b.test");
  CHECK(made_of("${recipient}", hostile, "q") == "\"-rf $HOME ${sender} `x`;'\"@b.test");
  CHECK(made_of("${sender}", hostile) == "a b@a.test");
  CHECK(made_of("${sender}", hostile, "q") == "\"a b\"@a.test");
  CHECK(made_of("${user}", envelope({"+list@b.test", "bob@b.test"})) == "bob");
}

TEST_CASE("the flags h and u fold the parts of a recipient, and the null sender has a name") {
  auto one = envelope({"Bob+List@B.test"}, "");
  CHECK(made_of("${recipient}", one, "h") == "Bob+List@b.test");
  CHECK(made_of("${recipient}", one, "u") == "bob+list@B.test");
  CHECK(made_of("${extension} ${domain} ${nexthop}", one, "hu") == "list b.test next.hop");
  CHECK(made_of("${sender}", one) == "MAILER-DAEMON");
  PipeCommand pipe;
  pipe.arguments = {"${sender}"};
  pipe.null_sender = "";
  CHECK(pipe_arguments(pipe, one, "", "+") == std::vector<std::string>{""});
}
