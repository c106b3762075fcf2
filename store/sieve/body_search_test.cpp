#include <doctest/doctest.h>

#include "store/sieve/testing.h"

using namespace pennypost::store::sieve;

namespace {

constexpr std::string_view parts_message =
    "From: ann@far.example\n"
    "Subject: parts\n"
    "MIME-Version: 1.0\n"
    "Content-Type: multipart/mixed; boundary=b1\n"
    "\n"
    "the prologue\n"
    "--b1\n"
    "Content-Type: text/plain; charset=iso-8859-1; format=flowed\n"
    "Content-Transfer-Encoding: quoted-printable\n"
    "\n"
    "gr=FC=DFe =\nvon hier\n"
    "--b1\n"
    "Content-Type: application/pdf; name=\"bill.pdf\"\n"
    "Content-Disposition: attachment; filename=\"bill.pdf\"\n"
    "Content-Transfer-Encoding: base64\n"
    "\n"
    "c2VjcmV0\n"
    "--b1\n"
    "Content-Type: message/rfc822\n"
    "\n"
    "From: inner@far.example\n"
    "Subject: within\n"
    "\n"
    "inner text\n"
    "--b1--\n"
    "the epilogue\n";

bool holds(std::string_view require, std::string_view test) {
  return is_true(require, test, FakeEnvironment(), parts_message);
}

std::string done(std::string_view script) {
  return outcome_of(script, FakeEnvironment(), parts_message);
}

}  // namespace

TEST_CASE("body looks at decoded text, at parts of a type, or at the octets") {
  CHECK(holds("\"body\"",
              "body :contains \"gr\xc3\xbc\xc3\x9f"
              "e von\""));
  CHECK(holds("\"body\"", "body :text :contains \"inner text\""));
  CHECK(!holds("\"body\"", "body :contains \"secret\""));
  CHECK(holds("\"body\"", "body :content \"application/pdf\" :is \"secret\""));
  CHECK(holds("\"body\"", "body :content \"application\" :contains \"secret\""));
  CHECK(holds("\"body\"", "body :content \"\" :contains \"secret\""));
  CHECK(holds("\"body\"", "body :content \"message/rfc822\" :contains \"subject: within\""));
  CHECK(!holds("\"body\"", "body :content \"message/rfc822\" :contains \"inner text\""));
  CHECK(holds("\"body\"", "body :content \"multipart\" :contains \"the prologue\""));
  CHECK(holds("\"body\"", "body :content \"multipart/mixed\" :contains \"the epilogue\""));
  CHECK(!holds("\"body\"", "body :content \"multipart\" :contains \"b1\""));
  CHECK(holds("\"body\"", "body :raw :contains \"gr=FC=DFe\""));
  CHECK(!holds("\"body\"", "body :raw :contains \"subject: parts\""));
}

TEST_CASE("mime looks at the header of a part, of all parts within, and into its fields") {
  CHECK(holds("\"mime\"", "header :mime :type \"content-type\" \"multipart\""));
  CHECK(holds("\"mime\"", "header :mime :anychild :subtype \"content-type\" \"pdf\""));
  CHECK(!holds("\"mime\"", "header :mime :subtype \"content-type\" \"pdf\""));
  CHECK(holds("\"mime\"", "header :mime :anychild :contenttype \"content-type\" \"text/plain\""));
  CHECK(holds("\"mime\"",
              "header :mime :anychild :param \"filename\" :matches "
              "\"content-disposition\" \"*.pdf\""));
  CHECK(holds("\"mime\"", "exists :mime :anychild \"content-disposition\""));
  CHECK(!holds("\"mime\"", "exists :mime \"content-disposition\""));
  CHECK(holds("\"mime\"", "address :mime :anychild \"from\" \"inner@far.example\""));
  CHECK(!holds("", "address \"from\" \"inner@far.example\""));
}

TEST_CASE("foreverypart looks at each part in turn, and break leaves it or one around it") {
  const std::string require =
      "require [\"foreverypart\", \"mime\", \"variables\", \"extracttext\", \"fileinto\"];";
  CHECK(done(require + "foreverypart { set \"n\" \"${n}.\"; } fileinto \"${n}\";") ==
        "fileinto .....");
  CHECK(done(require + "foreverypart { if header :mime :subtype \"content-type\" \"pdf\" { break; }"
                       "set \"n\" \"${n}.\"; } fileinto \"${n}\";") == "fileinto ..");
  CHECK(done(require + "foreverypart :name \"out\" { foreverypart { set \"n\" \"${n}.\";"
                       "break :name \"out\"; } } fileinto \"${n}\";") == "fileinto .");
  CHECK(done(require + "foreverypart { foreverypart { set \"n\" \"${n}.\"; break; } }"
                       "fileinto \"${n}\";") == "fileinto ..");
  CHECK(done(require + "\nforeverypart { break :name \"none\"; }") ==
        "2:16: there is no foreverypart named \"none\" here; keep");
  CHECK(done(require + "foreverypart { stop; } discard;") == "keep");
}

TEST_CASE("extracttext gives a part's text to a variable") {
  const std::string require =
      "require [\"foreverypart\", \"mime\", \"variables\", \"extracttext\", \"fileinto\"];";
  CHECK(done(require + "foreverypart { if header :mime :subtype \"content-type\" \"plain\" {"
                       "extracttext :first 5 :upper \"t\"; fileinto \"${t}\"; break; } }") ==
        "fileinto GR\xc3\xbc\xc3\x9f"
        "E");
  CHECK(done(require + "foreverypart { if header :mime :subtype \"content-type\" \"pdf\" {"
                       "set \"t\" \"x\"; extracttext \"t\"; fileinto \"A${t}\"; } }") ==
        "fileinto A");
}

TEST_CASE("body takes no notice of what has no body, is no type or can't be decoded") {
  CHECK(!is_true("\"body\"", "body :contains \"\"", FakeEnvironment(), "Subject: s\n"));
  CHECK(!is_true("\"body\"", "body :raw :contains \"\"", FakeEnvironment(), "Subject: s\n"));
  CHECK(is_true("\"body\"", "body :raw :contains \"\"", FakeEnvironment(), "Subject: s\n\n"));
  CHECK(!holds("\"body\"", "body :content \"text/plain/x\" :contains \"\""));
  CHECK(!is_true("\"body\"", "body :content \"text/plain/x\" :contains \"y\"", FakeEnvironment(),
                 "Content-Type: text/plain/x\n\ny\n"));
  CHECK(!is_true("\"body\"", "body :contains \"y\"", FakeEnvironment(),
                 "Content-Type: text/plain/x\n\ny\n"));
  CHECK(!holds("\"body\"", "body :content \"text/\" :contains \"\""));
  CHECK(!is_true("\"body\"", "body :contains \"x\"", FakeEnvironment(),
                 "Content-Transfer-Encoding: uuencode\n\nx\n"));
}

TEST_CASE("body sets no match variables, and finds lines in messages of either line end") {
  CHECK(done("require [\"variables\", \"body\", \"fileinto\"]; if string :matches \"ab\" \"a*\" {}"
             "if body :matches \"gr*\" { fileinto \"${1}\"; }") == "fileinto b");
  constexpr std::string_view script =
      "require \"body\"; if body :contains text:\none\ntwo\n.\n{ discard; }";
  CHECK(outcome_of(script, FakeEnvironment(), "Subject: s\n\nzero\none\ntwo\n") == "discard");
  CHECK(outcome_of(script, FakeEnvironment(), "Subject: s\r\n\r\nzero\r\none\r\ntwo\r\n") ==
        "discard");
}

TEST_CASE("HTML is searched without its tags, scripts and comments") {
  auto text = [](std::string_view html) {
    return outcome_of(
        "require [\"foreverypart\", \"variables\", \"extracttext\", \"fileinto\"];"
        "foreverypart { extracttext \"t\"; } fileinto \"[${t}]\";",
        FakeEnvironment(), "Content-Type: text/html\n\n" + std::string(html));
  };
  CHECK(text("<p>He<b>llo</b><br>you</p>") == "fileinto [ Hello you ]");
  CHECK(text("a<script x='>'>hidden</SCRIPT>b<style>c{}</style><!-- d > -->e") ==
        "fileinto [a  b  e]");
  CHECK(text("&lt;&#65;&#x42;&amp;&nosuch;&#xd800;& 1 < 2") ==
        "fileinto [<AB&&nosuch;&#xd800;& 1 < 2]");
  CHECK(text("a<b") == "fileinto [a]");
  CHECK(text("a<!--") == "fileinto [a]");
}
