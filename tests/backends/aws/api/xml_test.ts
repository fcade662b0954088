import { assert, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { find, parseXml, textOf } from "../../../../backends/aws/api/xml.ts";

describe("parseXml()", () => {
  it("reads an answer of SNS", () => {
    const document = parseXml(
      `<?xml version="1.0" encoding="UTF-8"?>
      <PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">
        <PublishBatchResult>
          <Failed/>
          <Successful>
            <member><Id>0</Id><MessageId>a</MessageId></member>
            <member><Id>1</Id><MessageId>b</MessageId></member>
          </Successful>
        </PublishBatchResult>
        <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>
      </PublishBatchResponse>\n`,
    );
    assertEquals(document.name, "PublishBatchResponse");
    assertEquals(find(document, "Failed")?.children, []);
    const ids = find(document, "Successful")?.children.map((member) => textOf(member, "MessageId"));
    assertEquals(ids, ["a", "b"]);
  });

  it("decodes the five entities and character references, once", () => {
    const { text } = parseXml("<a>&lt;&gt;&amp;&quot;&apos; &#65;&#x1F642; &amp;lt;</a>");
    assertEquals(text, "<>&\"' A🙂 &lt;");
  });

  it("ignores attributes, also of hostile values, and takes prefixes for parts of names", () => {
    const document = parseXml(`<ns:a x='1' y="a > b" ns:z="'"><ns:b /></ns:a>`);
    assertEquals([document.name, document.children[0]?.name], ["ns:a", "ns:b"]);
  });

  it("takes names such as __proto__ for names", () => {
    const document = parseXml("<a><__proto__>x</__proto__><constructor>y</constructor></a>");
    assertEquals(textOf(document, "__proto__"), "x");
    assertEquals(find(document, "toString"), undefined);
  });

  const refused: Record<string, string> = {
    "nothing": "",
    "text": "Service Unavailable",
    "JSON": '{"a":1}',
    "HTML": "<!DOCTYPE html><html><body><p>502<br></body></html>",
    "HTML without a doctype": "<html><body><p>502<br></body></html>",
    "a DOCTYPE": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "an external entity": '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    "an unknown entity": "<a>&nbsp;</a>",
    "an entity of another case": "<a>&LT;</a>",
    "half an entity": "<a>&amp</a>",
    "a lone ampersand": "<a>a & b</a>",
    "a reference to no character": "<a>&#0;</a>",
    "a reference to no character, with zeros": "<a>&#x00;</a>",
    "a reference beyond Unicode": "<a>&#x110000;</a>",
    "a decimal reference beyond Unicode": "<a>&#1114112;</a>",
    "an end with an attribute": '<a></a b="c">',
    "an end that is empty": "<a></a/>",
    "CDATA": "<a><![CDATA[x]]></a>",
    "a comment": "<a><!-- x --></a>",
    "a truncated document": "<a><b>x</b>",
    "a truncated tag": "<a><b",
    "crossed tags": "<a><b></a></b>",
    "a second root": "<a/><b/>",
    "text after the root": "<a/>x",
    "an end without a start": "</a>",
    "an attribute without quotes": "<a b=c/>",
    "depth": "<a>".repeat(100) + "</a>".repeat(100),
  };
  for (const [what, text] of Object.entries(refused)) {
    it(`refuses ${what}`, () => {
      assertThrows(() => parseXml(text), SyntaxError);
    });
  }

  it("does not quote what it refuses", () => {
    const error = assertThrows(() => parseXml("<a>hunter2 &secret; </a>"), SyntaxError);
    assert(!error.message.includes("hunter2") && !error.message.includes("secret"));
  });

  it("reads a document correctly after one that it refused half-way", () => {
    assertThrows(() => parseXml("<a><b>&nbsp;</b></a>"));
    assertEquals(parseXml("<a>x</a>").text, "x");
  });

  it("takes linear time for hostile documents", () => {
    const pieces = ["<a ", "<a b='", "<?", '<a b="1" ', "&amp;", "<a>", "</a", "&#x"];
    for (const piece of pieces) {
      assertThrows(() => parseXml(`<r>${piece.repeat(100_000)}`), SyntaxError);
    }
  });

  it("reads elements 31 deep, and none deeper", () => {
    const nested = (depth: number) => "<a>".repeat(depth) + "</a>".repeat(depth);
    assertEquals(parseXml(nested(31)).name, "a");
    assertThrows(() => parseXml(nested(32)), SyntaxError);
  });
});
